"""Which stage the first versions get, before there is a gate to pass: a pure decision on measured evidence."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

BASELINE = "popularity"


@dataclass(frozen=True)
class Decision:
    stage: Literal["production", "staging", "rejected"]
    reason: str


def decide(evaluation: Mapping[str, Any], champion: int | None) -> Decision:
    """Production for the first version that beats popularity; staging, to be judged, where a champion serves already.

    Beating is: on task all (else on the only one measured) the whole 95 % interval of the paired lift over popularity
    is above zero, and on no task is it all below. `evaluation` is `reports/evaluation.json`; `champion` the number of
    the version that serves.
    """
    judged_by = evaluation["judged_by"]
    lifts = {task: of["lifts"].get(BASELINE, {}).get(judged_by) for task, of in evaluation["tasks"].items()}
    if None in lifts.values():
        return Decision("rejected", "popularity was not measured beside it: switch that retriever on")
    evidence = "; ".join(
        f"task {task}: {judged_by} {lift['value']:+.4f} over {BASELINE}"
        f" (95 % interval {lift['low']:+.4f} to {lift['high']:+.4f})"
        for task, lift in lifts.items()
    )
    decisive = lifts["all"] if "all" in lifts else next(iter(lifts.values()))
    if decisive["low"] <= 0 or any(lift["high"] < 0 for lift in lifts.values()):
        return Decision("rejected", f"it does not beat {BASELINE}: {evidence}")
    if champion is not None:
        return Decision("staging", f"version {champion} serves; this one is to be judged against it. {evidence}")
    return Decision("production", f"the first that beats {BASELINE}: {evidence}")
