"""How far the feature tables that the ranker reads now are from those that it had when it was learned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from tasks.monitoring.band import Distance, judge
from tasks.monitoring.found import Found, not_judged
from tasks.params.monitoring import MonitoringParams

MEAN, LARGEST = "features, by gain", "feature beyond its usual"
ROWS = 10_000
"""Of a table that are compared at most, evenly spread over it."""
_SHOWN = 5

Values = Mapping[str, NDArray[np.float64]]
Distances = Mapping[str, float]
"""Feature to how far its values moved, from 0 to 1."""


@dataclass(frozen=True)
class Tables:
    """Feature tables as of two cutoffs."""

    now: Path
    before: Path


def look_at_features(
    moved: Distances, past: Sequence[Distances], gains: Mapping[str, float], params: MonitoringParams
) -> tuple[Found, ...]:
    """`past`: of pairs of tables as far apart as those of `moved`, so that what grows with the shop's age is no drift.

    `gains`: feature to the gain of the ranker's splits on it; a feature without one is not looked at.
    """
    moved, *before = ({name: of[name] for name in of if gains.get(name, 0) > 0} for of in (moved, *past))
    if not moved:
        why = "no feature that the ranker uses is in both tables"
        return not_judged(MEAN, "features", why), not_judged(LARGEST, "features", why)
    before = [found for found in before if found]
    told = ", ".join(f"{name} {moved[name]:.2f}" for name in sorted(moved, key=lambda n: -moved[n])[:_SHOWN])
    usual = {name: float(np.median([of.get(name, 0.0) for of in before])) if before else 0.0 for name in moved}
    mean = Distance(_mean(moved, gains), None, told)
    floor = params.floors.shape
    return (
        judge(MEAN, "features", mean, [_mean(of, gains) for of in before], floor, params),
        judge(LARGEST, "features", _largest(moved, usual), [_largest(of, usual).value for of in before], floor, params),
    )


def distances(tables: Tables) -> Distances:
    """Feature to the Kolmogorov-Smirnov distance of its values, or to that of its share of missing ones: the larger."""
    now, before = (_values(folder) for folder in (tables.now, tables.before))
    return {name: _distance(now[name], before[name]) for name in now if name in before}


def _distance(now: NDArray[np.float64], before: NDArray[np.float64]) -> float:
    missing = [np.isnan(of) for of in (now, before)]
    gone = abs(float(missing[0].mean()) - float(missing[1].mean())) if len(now) and len(before) else 0.0
    known = now[~missing[0]], before[~missing[1]]
    if not len(known[0]) or not len(known[1]):
        return gone
    found: Any = ks_2samp(*known, method="asymp")
    return max(gone, float(found.statistic))


def _values(folder: Path) -> Values:
    """Of all groups; what identifies a row is no feature."""
    found: dict[str, NDArray[np.float64]] = {}
    for file in sorted(folder.glob("*.parquet")):
        table = pq.read_table(file)
        wanted = [field.name for field in table.schema if pa.types.is_floating(field.type)]
        step = max(1, table.num_rows // ROWS)
        kept = table.select(wanted).take(np.arange(0, table.num_rows, step)).to_pandas()
        found |= {name: kept[name].to_numpy(np.float64) for name in wanted}
    return found


def _mean(moved: Mapping[str, float], gains: Mapping[str, float]) -> float:
    return float(np.average(list(moved.values()), weights=[gains[name] for name in moved]))


def _largest(moved: Distances, usual: Distances) -> Distance:
    """Of how much more than usual a feature moved: an age moves a lot, every week, and would hide all others."""
    more = {name: moved[name] - usual[name] for name in moved if name in usual}
    if not more:
        return Distance(0.0)
    name = max(more, key=lambda n: more[n])
    return Distance(max(0.0, more[name]), None, f"{name} {moved[name]:.2f}, usual {usual[name]:.2f}")
