"""How much the weeks of a shop differ anyway: a fixed bound, such as a PSI of 0.2, cannot know that.

Each measure is taken of past weeks too, each against the weeks before it. A breach is above all of these, above their
median by `times` their spread (the median absolute deviation, scaled to a normal's standard deviation: Leys et al.,
J. Exp. Soc. Psychol. 49, 2013), above a floor of practical size and, where a test says so, more than chance.

Of n past weeks and a new one that differ by chance alone, the new one is the most extreme once in n + 1 times: a
measure alarms no more often than that, and with the spread far less often.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import median_abs_deviation

from tasks.monitoring.found import Found, Group
from tasks.params.monitoring import MonitoringParams


@dataclass(frozen=True)
class Distance:
    """How far one horizon is from those before it: 0 for the same."""

    value: float
    p_value: float | None = None
    """How often chance alone would give such a difference; None: there is no test."""
    says: str = ""
    """More for people, such as from what to what."""


def bound_of(past: Sequence[float], floor: float, params: MonitoringParams) -> float | None:
    """None where too little of the past is known."""
    if len(past) < params.least_past:
        return None
    scale: Any = "normal"
    spread = float(median_abs_deviation(past, scale=scale))
    return max(floor, *past, float(np.median(past)) + params.times * spread)


def judge(
    measure: str, group: Group, now: Distance, past: Sequence[float], floor: float, params: MonitoringParams
) -> Found:
    bound = bound_of(past, floor, params)
    usual = float(np.median(past)) if len(past) else None
    if bound is None:
        says = f"{now.says}; no alarm: {len(past)} past weeks are known, and it takes {params.least_past}"
        return Found(measure, group, says.removeprefix("; "), "not judged", now.value, None, usual)
    by_chance = now.p_value is not None and now.p_value > params.chance
    status = "breach" if now.value > bound and not by_chance else "within"
    return Found(measure, group, now.says, status, now.value, bound, usual)
