"""What is measured of shoppers' behaviour: how far a horizon is from those before it, a number a measure.

Mixes are compared by the Jensen-Shannon distance (Lin, IEEE Trans. Inf. Theory 37, 1991; base 2, so 0 to 1), values by
that of Kolmogorov and Smirnov: neither needs bins, as a PSI does, and both are bounded.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency, ks_2samp

from tasks.monitoring.band import Distance
from tasks.monitoring.behaviour import Behaviour, Span
from tasks.params.monitoring import FloorParams, MonitoringParams

Counts = NDArray[np.float64]
_FEW = 5
"""Fewer than so many expected of a kind, and the chi-squared law does not hold: those kinds are one."""


@dataclass(frozen=True)
class Measure:
    meaning: str
    distance: Callable[[Behaviour, Span, MonitoringParams], Distance | None]
    """None where the horizon, or those before it, have nothing to measure."""
    floor: Callable[[FloorParams], float]
    settles: bool = False
    """Whether it means nothing in the shop's first weeks, where everybody is new."""


def mix_distance(now: Counts, before: Counts) -> Distance | None:
    """Of two counts of the same kinds. None where one of them is empty."""
    if not now.sum() or not before.sum():
        return None
    value = float(jensenshannon(now, before, base=2))
    return Distance(0.0 if np.isnan(value) else value, _chance(now, before))


def shape_distance(now: NDArray[np.float64], before: NDArray[np.float64]) -> Distance | None:
    """Of two samples; NaN is left out. None where one of them is empty."""
    now, before = now[~np.isnan(now)], before[~np.isnan(before)]
    if not len(now) or not len(before):
        return None
    found: Any = ks_2samp(now, before, method="asymp")
    says = f"median {np.median(now):.4g}, before {np.median(before):.4g}"
    return Distance(float(found.statistic), float(found.pvalue), says)


def largest_moves(now: Counts, before: Counts, names: tuple[str, ...], most: int = 3) -> str:
    """The kinds whose shares changed most, from and to."""
    if not now.sum() or not before.sum():
        return ""
    to, of = now / now.sum(), before / before.sum()
    order = np.argsort(-np.abs(to - of), kind="stable")[:most]
    return ", ".join(f"{names[n]} {of[n]:.1%} to {to[n]:.1%}" for n in order if to[n] != of[n])


def _event_mix(of: Behaviour, span: Span, _: MonitoringParams) -> Distance | None:
    now, before = (_counts(of.kind[rows], len(of.kinds)) for rows in (span.week, span.reference))
    found = mix_distance(now, before)
    return found and Distance(found.value, found.p_value, largest_moves(now, before, of.kinds))


def _category_mix(of: Behaviour, span: Span, _: MonitoringParams) -> Distance | None:
    if of.category is None:
        return None
    now, before = (_counts(of.category[_bought(of, rows)], len(of.category_names)) for rows in _both(span))
    found = mix_distance(now, before)
    return found and Distance(found.value, found.p_value, largest_moves(now, before, of.category_names))


def _popularity(of: Behaviour, span: Span, params: MonitoringParams) -> Distance | None:
    """The most bought items of the horizons before, one by one, and all others as one."""
    now, before = (_counts(_bought(of, rows), len(of.items)) for rows in _both(span))
    head = np.argsort(-before, kind="stable")[: params.head]
    names = (*map(str, of.items[head].tolist()), "all others")
    now, before = (np.append(counts[head], counts.sum() - counts[head].sum()) for counts in (now, before))
    found = mix_distance(now, before)
    return found and Distance(found.value, found.p_value, largest_moves(now, before, names))


def _new_users(of: Behaviour, span: Span, _: MonitoringParams) -> Distance | None:
    return _share_of_new(of.user, of.new_user, span)


def _new_items(of: Behaviour, span: Span, _: MonitoringParams) -> Distance | None:
    return _share_of_new(of.item, of.new_item, span)


def _active_users(of: Behaviour, span: Span, _: MonitoringParams) -> Distance | None:
    counts = [len(np.unique(of.user[rows])) for rows in (span.week, *span.before)]
    return _number_distance(float(counts[0]), float(np.mean(counts[1:])))


def _events_per_user(of: Behaviour, span: Span, _: MonitoringParams) -> Distance | None:
    now, *before = (_per_user(of, rows) for rows in (span.week, *span.before))
    return shape_distance(now, np.concatenate(before))


def _price(of: Behaviour, span: Span, _: MonitoringParams) -> Distance | None:
    now, before = (of.price[rows][of.target[rows]] for rows in _both(span))
    return shape_distance(now, before)


MEASURES: Mapping[str, Measure] = {
    "event mix": Measure("shares of event types", _event_mix, lambda f: f.mix),
    "category mix": Measure("shares of the widest categories in what is bought", _category_mix, lambda f: f.mix),
    "item popularity": Measure("shares of the most bought items in what is bought", _popularity, lambda f: f.mix),
    "new users": Measure("share of the active users who were never seen before", _new_users, lambda f: f.share, True),
    "new items": Measure("share of the active items that were never seen before", _new_items, lambda f: f.share, True),
    "active users": Measure("how many users did something", _active_users, lambda f: f.number),
    "events per user": Measure("how much an active user does", _events_per_user, lambda f: f.shape),
    "price": Measure("what is paid for one piece", _price, lambda f: f.shape),
}


def _share_of_new(codes: NDArray[np.intp], new: NDArray[np.bool_], span: Span) -> Distance | None:
    seen = [np.unique(codes[rows]) for rows in (span.week, *span.before)]
    if not len(seen[0]) or not all(map(len, seen)):
        return None
    fresh = [len(np.unique(codes[rows][new[rows]])) for rows in (span.week, *span.before)]
    shares = [n / len(of) for n, of in zip(fresh, seen, strict=True)]
    now, before = shares[0], float(np.mean(shares[1:]))
    table = [[fresh[0], len(seen[0]) - fresh[0]], [sum(fresh[1:]), sum(map(len, seen[1:])) - sum(fresh[1:])]]
    return Distance(abs(now - before), _chance(*map(np.array, table)), f"{now:.1%}, before {before:.1%}")


def _number_distance(now: float, before: float) -> Distance | None:
    """0.2 for a fifth more, and for a sixth less."""
    if before == 0:
        return None
    value = max(now / before, before / now) - 1 if now else 1e9
    return Distance(value, None, f"{now:,.0f}, before {before:,.0f}")


def _chance(now: Counts, before: Counts) -> float:
    """Of Pearson's chi-squared test; kinds that are hardly expected are counted as one."""
    expected = now.sum() * before / max(before.sum(), 1)
    few = expected < _FEW
    kinds = [np.append(of[~few], of[few].sum()) for of in (now, before)]
    table = np.stack(kinds)[:, np.sum(kinds, axis=0) > 0]
    found: Any = chi2_contingency(table) if table.shape[1] > 1 else None
    return 1.0 if found is None else float(found.pvalue)


def _both(span: Span) -> tuple[slice, slice]:
    return span.week, span.reference


def _bought(of: Behaviour, rows: slice) -> NDArray[np.intp]:
    return of.item[rows][of.target[rows]]


def _counts(codes: NDArray[np.intp], kinds: int) -> Counts:
    return np.bincount(codes, minlength=kinds).astype(np.float64)


def _per_user(of: Behaviour, rows: slice) -> NDArray[np.float64]:
    return np.unique(of.user[rows], return_counts=True)[1].astype(np.float64)
