"""What is asked of the challenger as a program: how fast, how large, and from accepted data."""

import math
from collections.abc import Iterator

from tasks.params.promotion import PromotionParams
from tasks.promotion.check import Check
from tasks.promotion.measured import Measured, Sides


def system_checks(measured: Measured, params: PromotionParams) -> Iterator[Check]:
    latency, size = params.latency, params.size
    asked, bundle = measured.latency_p95_ms, measured.size_mib
    slowest = max(asked.champion * latency.times, latency.free_ms) if asked else None
    largest = bundle.champion * size.times + size.plus_mib if bundle else None
    yield _at_most("latency of a request, 95th percentile", asked, slowest, "ms")
    yield _at_most("size of the bundle", bundle, largest, "MiB")
    accepted = "the validation accepted" if measured.accepted else "the validation did not accept"
    yield Check(
        name="data",
        says=f"{accepted} what the challenger learned from",
        status="pass" if measured.accepted else "fail",
        kind="sanity",
        otherwise="reject",
    )


def _at_most(name: str, sides: Sides | None, most: float | None, unit: str) -> Check:
    if sides is None or most is None:
        return Check(name=name, says="not measured: only lists were compared", status="not measured", kind="guardrail")
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
