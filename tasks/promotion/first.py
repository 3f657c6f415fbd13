"""For a shop that has no champion yet: whether the first model may serve."""

from collections.abc import Iterator, Mapping
from typing import Any

from tasks.evaluation.headline import TASK_NAMES, metric_title, system_title
from tasks.params.promotion import PromotionParams
from tasks.promotion.check import Check
from tasks.promotion.reason import told
from tasks.promotion.verdict import Verdict

POPULARITY = "popularity"


def judge_first(evaluation: Mapping[str, Any], params: PromotionParams) -> Verdict:
    """Promotes what beats the best of its own retrievers alone, popularity among them; else rejects.

    Beating is: on task all (else on the only one measured) the whole 95 % interval of the paired lift is above zero,
    and on no task is it all below. `evaluation` is `reports/evaluation.json`.
    """
    tasks = evaluation["tasks"]
    if any(POPULARITY not in of["lifts"] for of in tasks.values()):
        says = "popularity was not measured beside it: switch that retriever on"
        missing = Check(name="popularity", says=says, status="fail", kind="sanity", otherwise="reject")
        return Verdict("reject", says, (missing,))
    decisive = "all" if "all" in tasks else next(iter(tasks))
    checks = tuple(_checks(tasks, params.metric, decisive))
    if any(check.failed for check in checks):
        return Verdict("reject", "it does not beat " + _evidence(checks), checks)
    return Verdict("promote", "the first that beats " + _evidence(checks), checks)


def _checks(tasks: Mapping[str, Any], metric: str, decisive: str) -> Iterator[Check]:
    for task, of in tasks.items():
        lift = of["lifts"][of["best_retriever"]][metric]
        needed = lift["low"] > 0 if task == decisive else lift["high"] >= 0
        yield Check(
            name=f"{metric_title(metric)} on {TASK_NAMES[task]}: beats {system_title(of['best_retriever'])}",
            says="the best of its own retrievers alone",
            value=lift["value"],
            low=lift["low"],
            high=lift["high"],
            threshold=0.0,
            status="pass" if needed else "fail",
            kind="gain" if task == decisive else "guardrail",
            otherwise="reject",
            needs="above" if task == decisive else "reaching",
            level=0.95,
            users=of["users"],
        )


def _evidence(checks: tuple[Check, ...]) -> str:
    """`own history: NDCG@10 on all purchases +0.0145 (95 % interval …) on 1,213 users; ALS: …`."""
    return "; ".join(f"{check.name.partition(': beats ')[2]}: {told(check)}" for check in checks)
