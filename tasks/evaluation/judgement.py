"""From evidence to an evaluation, and the files that hold it."""

import json
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tasks.errors import BrokenCheckError
from tasks.evaluation.calibration import calibration
from tasks.evaluation.ceilings import ceilings
from tasks.evaluation.evidence import FEATURE, GAIN, SHOPREC, SYSTEM, TASK, Evidence
from tasks.evaluation.headline import best_retriever, headline, verdict
from tasks.evaluation.lists import ScoredLists, scored_lists
from tasks.evaluation.metrics import per_user, recall_curve
from tasks.evaluation.plots import metrics_file, plot_frames
from tasks.evaluation.slices import slices
from tasks.evaluation.systems import compare, score_users
from tasks.params.evaluation import EvaluationParams
from tasks.schema import ITEM, RANK, TASKS, USER, Task
from tasks.stage import processes

DECIMALS = 6


@dataclass(frozen=True)
class Evaluation:
    """What was found. `document` is all of it but the rows, ready for JSON: no NaN, plain types."""

    document: dict[str, Any]
    per_user: pd.DataFrame
    """`task, user_id` and a column a metric@k: the recommender's, to be paired with those of another version."""
    test_lists: pd.DataFrame
    """`task, user_id, item_id, rank`: the recommender's lists that were scored."""

    @property
    def headline(self) -> str:
        """One line: whether re-ranking beats the best single retriever, on each task."""
        return self.document["headline"]

    @property
    def metrics(self) -> dict[str, dict[str, float | None]]:
        """The recommender's means with `_low` and `_high`, a task: `["all"]["ndcg@10_low"]`."""
        return metrics_file(self.document)

    def save(self, folder: Path) -> None:
        """Write metrics.json, evaluation.json, {per_user,test_lists}.parquet and plots/<task>/*.csv into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        _write_json(folder / "metrics.json", self.metrics)
        _write_json(folder / "evaluation.json", self.document)
        self.per_user.to_parquet(folder / "per_user.parquet", index=False)
        self.test_lists.to_parquet(folder / "test_lists.parquet", index=False)
        for path, frame in plot_frames(self.document).items():
            (folder / "plots" / path).parent.mkdir(parents=True, exist_ok=True)
            frame.to_csv(folder / "plots" / path, index=False)


def evaluate(evidence: Evidence, params: EvaluationParams) -> Evaluation:
    """Judge every system on the same users. A task without a relevant pair is left out.

    Raises BrokenCheckError where the recommender has no lists, or lists break their contract (see `scored_lists`).
    """
    depth = max(params.list_lengths)
    tasks: list[Task] = [task for task in TASKS if (evidence.labels[TASK] == task).any()]
    if not tasks:
        raise BrokenCheckError(f"fold '{evidence.fold.name}' has no relevant pair on any task: nothing can be judged")
    scored: dict[Task, ScoredLists] = {task: scored_lists(evidence, task, depth) for task in tasks}
    for task, lists in scored.items():
        if SHOPREC not in lists.items:
            raise BrokenCheckError(
                f"task {task}: system '{SHOPREC}' has no lists; recommend for the fold's users first"
            )
    # The draws are numpy's work, which threads can share.
    with ThreadPoolExecutor(processes()) as pool:
        found = pool.map(lambda lists: _judge(evidence, lists, params), scored.values())
        judged = dict(zip(scored, found, strict=True))
    document = {
        "fold": {
            "name": evidence.fold.name,
            "cutoff": evidence.fold.cutoff.isoformat(),
            "end": evidence.fold.end.isoformat(),
        },
        "judged_by": params.judged_by,
        "beside": params.beside,
        "list_lengths": list(params.list_lengths),
        "draws": params.draws,
        "catalogue": int((evidence.items["buyers"] > 0).sum()),
        "users_before": len(evidence.users),
        "tasks": judged,
    }
    document["headline"] = headline(document)
    return Evaluation(_plain(document), _per_user(scored, params), _test_lists(evidence, scored))


def _judge(evidence: Evidence, lists: ScoredLists, params: EvaluationParams) -> dict[str, Any]:
    values = score_users(evidence, lists, params)
    compared = compare(evidence, lists, values, params)
    best = best_retriever(compared["systems"], params.judged_by)
    importance = evidence.importance[evidence.importance[TASK] == lists.task].sort_values(GAIN, ascending=False)
    share = importance[GAIN] / max(importance[GAIN].sum(), 1e-12)
    return {
        "users": len(lists.users),
        "drawn_from": evidence.drawn_from.get(lists.task, len(lists.users)),
        "relevant_pairs": int(lists.relevant.sum()),
        "best_retriever": best,
        "verdict": verdict(compared["lifts"].get(best or ""), params.judged_by),
        **compared,
        "recall_by_length": {name: list(recall_curve(hits, lists.relevant)) for name, hits in lists.hits.items()},
        "ceilings": ceilings(evidence, lists, max(params.list_lengths)),
        "slices": slices(evidence, lists, values, best, params),
        "calibration": calibration(evidence.scores[evidence.scores[TASK] == lists.task]),
        "importance": [
            {"feature": str(f), "gain": float(g), "share": float(s)}
            for f, g, s in zip(importance[FEATURE], importance[GAIN], share, strict=True)
        ],
    }


def _per_user(scored: dict[Task, ScoredLists], params: EvaluationParams) -> pd.DataFrame:
    frames = []
    for task, lists in scored.items():
        frame = pd.DataFrame(per_user(lists.hits[SHOPREC], lists.relevant, params.list_lengths))
        frame.insert(0, TASK, task)
        frame.insert(1, USER, lists.users)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def _test_lists(evidence: Evidence, scored: dict[Task, ScoredLists]) -> pd.DataFrame:
    mine = evidence.lists[evidence.lists[SYSTEM] == SHOPREC]
    kept = [mine[(mine[TASK] == task) & mine[USER].isin(lists.users)] for task, lists in scored.items()]
    frame = pd.concat(kept)[[TASK, USER, ITEM, RANK]]
    return frame.astype({TASK: str}).sort_values([TASK, USER, RANK], ignore_index=True)


def _plain(value: Any) -> Any:
    """For JSON: plain types, floats rounded, NaN as None."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, (float, np.floating)):
        return round(float(value), DECIMALS) if math.isfinite(value) else None
    if isinstance(value, np.generic):
        return value.item()
    return value


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
