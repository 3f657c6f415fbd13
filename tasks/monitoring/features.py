"""How far the feature tables that the ranker reads now are from those that it had when it was learned."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from tasks.monitoring.band import Distance, judge
from tasks.monitoring.found import Found, not_judged
from tasks.params import MonitoringParams

MEAN, LARGEST = "features, by gain", "feature that moved most"
ROWS = 20_000
"""Of a table that are compared at most, evenly spread over it."""
_SHOWN = 5

Values = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Tables:
    """Feature tables as of two cutoffs."""

    now: Path
    before: Path


def look_at_features(
    now: Tables, past: Sequence[Tables], gains: Mapping[str, float], params: MonitoringParams
) -> tuple[Found, ...]:
    """`past`: pairs of tables as far apart as `now` are, so that what grows with the shop's age is no drift.

    `gains`: feature to the gain of the ranker's splits on it; a feature without one is not looked at.
    """
    moved = distances(now, gains)
    if not moved:
        why = "no feature that the ranker uses is in both tables"
        return not_judged(MEAN, "features", why), not_judged(LARGEST, "features", why)
    before = [found for pair in past if (found := distances(pair, gains))]
    told = ", ".join(f"{name} {moved[name]:.2f}" for name in sorted(moved, key=lambda n: -moved[n])[:_SHOWN])
    floor = params.floors.shape
    return (
        judge(
            MEAN,
            "features",
            Distance(_mean(moved, gains), None, told),
            [_mean(b, gains) for b in before],
            floor,
            params,
        ),
        judge(LARGEST, "features", Distance(*_largest(moved)), [_largest(b)[0] for b in before], floor, params),
    )


def distances(tables: Tables, gains: Mapping[str, float]) -> dict[str, float]:
    """Feature to the Kolmogorov-Smirnov distance of its values, or to that of its share of missing ones: the larger."""
    now, before = (_values(folder, gains) for folder in (tables.now, tables.before))
    return {name: _distance(now[name], before[name]) for name in now if name in before}


def _distance(now: NDArray[np.float64], before: NDArray[np.float64]) -> float:
    missing = [np.isnan(of) for of in (now, before)]
    gone = abs(float(missing[0].mean()) - float(missing[1].mean())) if len(now) and len(before) else 0.0
    known = now[~missing[0]], before[~missing[1]]
    if not len(known[0]) or not len(known[1]):
        return gone
    found: Any = ks_2samp(*known, method="asymp")
    return max(gone, float(found.statistic))


def _values(folder: Path, names: Iterable[str]) -> Values:
    found: dict[str, NDArray[np.float64]] = {}
    for file in sorted(folder.glob("*.parquet")):
        wanted = [name for name in pq.read_schema(file).names if name in set(names)]
        table = pd.read_parquet(file, columns=wanted)
        step = max(1, len(table) // ROWS)
        found |= {name: table[name].iloc[::step].to_numpy(np.float64, na_value=np.nan) for name in wanted}
    return found


def _mean(moved: Mapping[str, float], gains: Mapping[str, float]) -> float:
    return float(np.average(list(moved.values()), weights=[gains[name] for name in moved]))


def _largest(moved: Mapping[str, float]) -> tuple[float, None, str]:
    name = max(moved, key=lambda n: moved[n])
    return moved[name], None, name
