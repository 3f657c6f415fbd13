"""What is asked of the challenger as a program: how fast, how large, and from accepted data."""

import math
from collections.abc import Iterator

from tasks.params import PromotionParams
from tasks.promotion.check import Check
from tasks.promotion.measured import Measured, Sides


def system_checks(measured: Measured, params: PromotionParams) -> Iterator[Check]:
    latency, size = params.latency, params.size
    slowest = max(measured.latency_p95_ms.champion * latency.times, latency.free_ms)
    largest = measured.size_mib.champion * size.times + size.plus_mib
    yield _at_most("latency of a request, 95th percentile", measured.latency_p95_ms, slowest, "ms")
    yield _at_most("size of the bundle", measured.size_mib, largest, "MiB")
    accepted = "the validation accepted" if measured.accepted else "the validation did not accept"
    yield Check(
        name="data",
        says=f"{accepted} what the challenger learned from",
        status="pass" if measured.accepted else "fail",
        kind="sanity",
        otherwise="reject",
    )


def _at_most(name: str, sides: Sides, most: float, unit: str) -> Check:
    measured = math.isfinite(sides.champion) and math.isfinite(sides.challenger)
    return Check(
        name=name,
        says=f"the champion's is {sides.champion:,.1f} {unit}" if measured else "it was not measured of both",
        value=sides.challenger if measured else None,
        threshold=most if measured else None,
        status="pass" if measured and sides.challenger <= most else "fail",
        kind="guardrail",
        needs="at most",
        unit=unit,
    )
