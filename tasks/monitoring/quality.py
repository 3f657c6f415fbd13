"""What the champion does on the newest labelled horizon, against what it was measured to do when it was learned."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from tasks.evaluation.asked import Asked
from tasks.evaluation.evidence import SYSTEM, TASK, Evidence
from tasks.evaluation.headline import TASK_NAMES, metric_title
from tasks.evaluation.intervals import bootstrap
from tasks.evaluation.lists import scored_lists
from tasks.evaluation.metrics import per_user
from tasks.folds import Fold
from tasks.ingestion.valid import Valid
from tasks.monitoring.found import Found, not_judged
from tasks.params.evaluation import EvaluationParams, Shares
from tasks.schema import ITEM, TASKS, Task

_CHAMPION = "champion"


def look_at_quality(
    lists: pd.DataFrame,
    valid: Valid,
    fold: Fold,
    asked: Mapping[Task, Asked],
    metric: str,
    promised: Mapping[str, Any],
    margin: Shares,
    drawn: EvaluationParams,
) -> tuple[Found, ...]:
    """Of `metric`, such as `ndcg@10`, on each task of which `promised` (as `reports/metrics.json`) has it.

    `lists` (`task, user_id, item_id, rank`) are the champion's, with its state as of the fold's cutoff, for those who
    were `asked`.
    Raises BrokenCheckError where a list breaks its contract.
    """
    relevant = [of.pairs.assign(**{TASK: task}) for task, of in asked.items()]
    nothing = pd.DataFrame()  # only accuracy is asked for
    evidence = Evidence(
        fold=fold,
        lists=lists.assign(**{SYSTEM: _CHAMPION}),
        labels=pd.concat(relevant, ignore_index=True),
        candidates=nothing,
        items=valid.items[[ITEM]],
        users=nothing,
        scores=nothing,
        importance=nothing,
    )
    return tuple(
        _of_task(evidence, task, metric, promised[task], margin.of(task), drawn)
        for task in TASKS
        if metric in promised.get(task, {})
    )


def realised(evidence: Evidence, task: Task, metric: str) -> Any:
    """(n_users,): the metric of each user with a label."""
    k = int(metric.partition("@")[2])
    scored = scored_lists(evidence, task, k, (_CHAMPION,))
    return per_user(scored.hits[_CHAMPION], scored.relevant, [k])[metric]


def judge_quality(
    measure: str, mean: float, low: float, high: float, promise: float, margin: float, says: str
) -> Found:
    """A breach where the whole interval lies below what is left of the promise."""
    bound = promise * (1 - margin)
    return Found(measure, "quality", says, "breach" if high < bound else "within", mean, bound, promise, low, high)


def _of_task(
    evidence: Evidence, task: Task, metric: str, promised: Mapping[str, Any], margin: float, drawn: EvaluationParams
) -> Found:
    measure = f"{metric_title(metric)} on {TASK_NAMES[task]}"
    if not (evidence.labels[TASK] == task).any():
        return not_judged(measure, "quality", "nobody can be measured on the newest horizon")
    values = realised(evidence, task, metric)
    found = bootstrap(values[:, None], drawn.draws, drawn.seed)
    mean, low, high = (float(of[0]) for of in (found.mean, found.low, found.high))
    promise = float(promised[metric])
    ends = [promised.get(f"{metric}_{end}") for end in ("low", "high")]
    sure = "" if None in ends else f" ({ends[0]:.4f} to {ends[1]:.4f})"
    says = f"{mean:.4f} ({low:.4f} to {high:.4f}) of {len(values):,} users, promised {promise:.4f}{sure}"
    return judge_quality(measure, mean, low, high, promise, margin, says)
