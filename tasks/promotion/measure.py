"""From the lists of champion and challenger to what the gate reads: both scored on the same shoppers of one fold."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.errors import ShoprecError
from tasks.evaluation.asked import Asked, who_is_asked
from tasks.evaluation.beyond import coverage
from tasks.evaluation.evidence import BUYERS, SYSTEM, TASK, Evidence
from tasks.evaluation.gather import item_facts, user_facts
from tasks.evaluation.lists import ScoredLists, scored_lists
from tasks.evaluation.slices import user_groups
from tasks.evaluation.systems import score_users
from tasks.folds import Fold, targets
from tasks.ingestion.valid import Valid
from tasks.params import Params
from tasks.params.evaluation import EvaluationParams
from tasks.params.shop import ShopParams
from tasks.promotion.measured import Lift, Measured, MeasuredTask, Paired, Sides, Slice, named
from tasks.schema import ITEM, TASKS, TIMESTAMP, USER, Task

CHAMPION, CHALLENGER = "champion", "challenger"


@dataclass(frozen=True)
class Side:
    """What one version was seen to do on the test fold, with its state as of the fold's cutoff."""

    number: int | str
    """Of the version; words for what is in no registry."""
    lists: pd.DataFrame
    """`task, user_id, item_id, rank`."""
    latency_p95_ms: float | None = None
    """None: it was not asked for."""
    size_mib: float | None = None


def measure(
    evidence: Evidence,
    params: Params,
    champion: Side,
    challenger: Side,
    evaluation: Mapping[str, Any],
    gate: int,
    accepted: bool,
) -> Measured:
    """`evidence` is that of `evidence_of`, `evaluation` the challenger's `reports/evaluation.json`, and `params` are
    those that it was judged with.

    Raises BrokenCheckError where a list breaks its contract, see `scored_lists`.
    """
    tasks: dict[Task, MeasuredTask] = {
        task: _of_task(evidence, task, params, evaluation) for task in TASKS if (evidence.labels[TASK] == task).any()
    }
    return Measured(
        champion=champion.number,
        challenger=challenger.number,
        cutoff=evidence.fold.cutoff,
        end=evidence.fold.end,
        gate=gate,
        tasks=tasks,
        latency_p95_ms=_sides(champion.latency_p95_ms, challenger.latency_p95_ms),
        size_mib=_sides(champion.size_mib, challenger.size_mib),
        accepted=accepted,
    )


def refuse_unknown_items(side: Side, valid: Valid, fold: Fold, params: Params) -> None:
    """Raises ShoprecError where a version recommends what the shop, as it is read today, never sold before the fold."""
    unknown = side.lists.loc[~side.lists[ITEM].isin(past_of(valid, fold, params.shop)[ITEM]), ITEM]
    if len(unknown):
        raise ShoprecError(
            f"{named(side.number)} recommends {unknown.nunique():,} item(s) that nobody bought before the test fold,"
            f" such as {unknown.iloc[0]}: it was made for other data, or other settings under shop in params.yaml"
        )


def evidence_of(valid: Valid, fold: Fold, params: Params, champion: Side, challenger: Side) -> Evidence:
    """Both sides' lists, as the systems `CHAMPION` and `CHALLENGER`, with what was really bought by the shoppers whom
    an evaluation with these params asks."""
    drawn = params.evaluation
    asked = who_is_asked(valid.events, fold, params.shop, drawn.most_users, drawn.seed)
    return evidence_on(valid, fold, params.shop, {CHAMPION: champion.lists, CHALLENGER: challenger.lists}, asked)


def evidence_on(
    valid: Valid, fold: Fold, shop: ShopParams, systems: Mapping[str, pd.DataFrame], asked: Mapping[Task, Asked]
) -> Evidence:
    """The lists (`task, user_id, item_id, rank`) of each system, with what those who were `asked` really bought."""
    past = past_of(valid, fold, shop)
    relevant = [of.pairs.assign(**{TASK: task}) for task, of in asked.items()]
    lists = [of.assign(**{SYSTEM: name}) for name, of in systems.items()]
    nothing = pd.DataFrame()  # neither candidates nor features are compared
    return Evidence(
        fold=fold,
        lists=pd.concat(lists, ignore_index=True),
        labels=pd.concat(relevant, ignore_index=True),
        candidates=nothing,
        items=item_facts(past, valid, fold),
        users=user_facts(past, valid, fold),
        scores=nothing,
        importance=nothing,
    )


def past_of(valid: Valid, fold: Fold, shop: ShopParams) -> pd.DataFrame:
    """The target events before the fold."""
    events = targets(valid.events, shop)
    return events[events[TIMESTAMP] < fold.cutoff]


def _of_task(evidence: Evidence, task: Task, params: Params, evaluation: Mapping[str, Any]) -> MeasuredTask:
    lists = scored_lists(evidence, task, max(params.evaluation.list_lengths), (CHAMPION, CHALLENGER))
    values = score_users(evidence, lists, params.evaluation)
    margins = params.promotion.margins
    named = dict.fromkeys([params.promotion.metric, margins.recall.metric, margins.novelty.metric])
    return MeasuredTask(
        metrics={metric: _pair(values[CHAMPION][metric], values[CHALLENGER][metric]) for metric in named},
        slices=_slices(evidence, lists, params.evaluation),
        coverage=_coverage(evidence, lists, margins.coverage.metric),
        lift=_lift(evaluation["tasks"].get(task), params.promotion.metric),
    )


def _sides(champion: float | None, challenger: float | None) -> Sides | None:
    return None if champion is None or challenger is None else Sides(champion, challenger)


def _pair(champion: NDArray[np.float64], challenger: NDArray[np.float64]) -> Paired:
    """An empty list has no novelty; what one side says of a user is not compared where the other says nothing."""
    nothing = np.isnan(champion) | np.isnan(challenger)
    return Paired(np.where(nothing, np.nan, champion), np.where(nothing, np.nan, challenger))


def _slices(evidence: Evidence, lists: ScoredLists, params: EvaluationParams) -> tuple[Slice, ...]:
    users = evidence.users.set_index(USER).reindex(lists.users)
    return tuple(
        Slice(dimension, str(name), (parts == name).to_numpy())
        for dimension, parts in user_groups(users, params).items()
        for name in parts.cat.categories
        if (parts == name).any()
    )


def _coverage(evidence: Evidence, lists: ScoredLists, metric: str) -> Sides:
    k, in_catalogue = int(metric.partition("@")[2]), evidence.items[BUYERS].to_numpy() > 0
    return Sides(*(coverage(lists.items[side], k, in_catalogue) for side in (CHAMPION, CHALLENGER)))


def _lift(of_task: Mapping[str, Any] | None, metric: str) -> Lift | None:
    if of_task is None or of_task["best_retriever"] is None:
        return None
    found = of_task["lifts"][of_task["best_retriever"]][metric]
    return Lift(found["value"], found["low"], found["high"])
