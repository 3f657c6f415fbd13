"""The same numbers as flat files, for `dvc metrics` and `dvc plots`."""

from typing import Any

import pandas as pd

from tasks.evaluation.evidence import SHOPREC

PERFECT = "perfect_ranker"
"""The line of lists that put every relevant candidate first."""


def metrics_file(document: dict[str, Any]) -> dict[str, dict[str, float | None]]:
    """A task to the recommender's `metric@k`, `…_low`, `…_high`, its lifts over the best retriever, and the ceiling."""
    judged_by = document["judged_by"]
    result: dict[str, dict[str, float | None]] = {}
    for task, of in document["tasks"].items():
        flat = _flat(of["systems"][SHOPREC])
        for name, other in (("best_retriever", of["best_retriever"]), ("popularity", "popularity")):
            if other in of["lifts"]:
                flat |= _flat({f"lift_over_{name}_{judged_by}": of["lifts"][other][judged_by]})
        flat["users"] = of["users"]
        flat["candidate_recall"] = of["ceilings"]["union"]
        result[task] = flat
    return result


def plot_frames(document: dict[str, Any]) -> dict[str, pd.DataFrame]:
    """Path below plots/ to rows, a folder a task, so that each file is one plot.

    `systems` and `lifts` have a row a system and a column a metric@k (with _low, _high); `recall_by_length` a row a k
    and a column a system.
    """
    frames: dict[str, pd.DataFrame] = {}
    for task, of in document["tasks"].items():
        curves = of["recall_by_length"] | {PERFECT: of["ceilings"]["perfect"]}
        tables = {
            "systems": [{"system": system, **_flat(found)} for system, found in of["systems"].items()],
            "lifts": [{"system": system, **_flat(found)} for system, found in of["lifts"].items()],
            "recall_by_length": [{"k": i + 1, **dict(zip(curves, at, strict=True))} for i, at in _rows(curves)],
            "ceilings": _ceilings(of["ceilings"]),
            "slices": of["slices"],
            "calibration": of["calibration"],
            "importance": of["importance"],
        }
        frames |= {f"{task}/{name}.csv": pd.DataFrame(rows) for name, rows in tables.items()}
    return frames


def _rows(curves: dict[str, list[float]]) -> list[tuple[int, tuple[float, ...]]]:
    return list(enumerate(zip(*curves.values(), strict=True)))


def _ceilings(of: dict[str, Any]) -> list[dict[str, Any]]:
    union = {"retriever": "union", "recall": of["union"], "union_without_it": None}
    alone = [
        {"retriever": name, "recall": recall, "union_without_it": of["without"][name]}
        for name, recall in of["alone"].items()
    ]
    return [union, *alone]


def _flat(by_metric: dict[str, Any]) -> dict[str, float | None]:
    flat: dict[str, float | None] = {}
    for metric, found in by_metric.items():
        flat[metric] = found["value"]
        flat |= {f"{metric}_{end}": found[end] for end in ("low", "high") if end in found}
    return flat
