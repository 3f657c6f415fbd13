"""The first line of the report: does re-ranking pay, compared with the best single retriever?"""

from collections.abc import Mapping
from typing import Any, Literal

from tasks.evaluation.evidence import SHOPREC

Verdict = Literal["beats", "no difference shown", "loses", "nothing to compare"]

TASK_NAMES = {"all": "all purchases", "new": "new items"}
METRIC_NAMES = {
    "recall": "recall",
    "precision": "precision",
    "f1": "F1",
    "ndcg": "NDCG",
    "map": "MAP",
    "mrr": "MRR",
    "hit_rate": "hit rate",
    "coverage": "catalogue coverage",
    "novelty": "novelty",
    "diversity": "intra-list diversity",
    "gini": "exposure concentration (Gini)",
}


def metric_title(key: str) -> str:
    """`ndcg@10` as people write it: NDCG@10."""
    name, _, k = key.partition("@")
    return f"{METRIC_NAMES.get(name, name)}@{k}" if k else METRIC_NAMES.get(name, name)


def system_title(name: str) -> str:
    """`item_neighbours` as people write it: item neighbours."""
    return {"als": "ALS", "ease": "EASE"}.get(name, name.replace("_", " "))


def best_retriever(systems: dict[str, Any], judged_by: str) -> str | None:
    """The system beside the recommender with the highest mean; None where there is none. Of equals, the first name."""
    others = sorted(name for name in systems if name != SHOPREC)
    return max(others, key=lambda name: systems[name][judged_by]["value"], default=None)


def verdict(lifts: dict[str, Any] | None, judged_by: str) -> Verdict:
    """Beats only where the whole interval of the paired lift is above zero; loses where it is below."""
    if lifts is None:
        return "nothing to compare"
    if lifts[judged_by]["low"] > 0:
        return "beats"
    return "loses" if lifts[judged_by]["high"] < 0 else "no difference shown"


def shoppers(of_task: Mapping[str, Any]) -> str:
    """Over how many the means are: `1,213 shoppers`, or `10,000 of 22,114 shoppers` where they were drawn."""
    judged, of = of_task["users"], of_task.get("drawn_from", of_task["users"])  # older evaluations judged all
    return f"{judged:,} shoppers" if judged == of else f"{judged:,} of {of:,} shoppers"


def headline(document: dict[str, Any]) -> str:
    """One sentence on all tasks, the bad news first."""
    tasks = document["tasks"]
    verdicts = {task: of["verdict"] for task, of in tasks.items()}
    findings = "; ".join(_finding(task, of, document["judged_by"]) for task, of in tasks.items())
    if all(v == "beats" for v in verdicts.values()):
        where = "on both tasks" if len(tasks) > 1 else f"on {TASK_NAMES[next(iter(tasks))]}"
        return f"Re-ranking beats the best single retriever {where}: {findings}."
    if all(v == "nothing to compare" for v in verdicts.values()):
        return f"There is no single retriever to compare re-ranking with: {findings}."
    failed = [TASK_NAMES[task] for task, v in verdicts.items() if v in ("loses", "no difference shown")]
    return f"Re-ranking does NOT beat the best single retriever on {' and '.join(failed)}: {findings}."


def _finding(task: str, of: dict[str, Any], judged_by: str) -> str:
    own = of["systems"][SHOPREC][judged_by]["value"]
    if of["best_retriever"] is None:
        return f"{TASK_NAMES[task]} {metric_title(judged_by)} {own:.4f}"
    lift = of["lifts"][of["best_retriever"]][judged_by]
    return (
        f"{TASK_NAMES[task]} {metric_title(judged_by)} {own:.4f}, {lift['value']:+.4f} over"
        f" {system_title(of['best_retriever'])} (95 % interval {lift['low']:+.4f} to {lift['high']:+.4f})"
    )
