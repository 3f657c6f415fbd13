"""What is in the baskets of a made-up shop: what runs out and is bought again, and what is bought for once."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.made_up.calendar import DAY_S, DAYS
from tests.benchmarks.made_up.catalogue import Catalogue
from tests.benchmarks.made_up.shoppers import LIKED, Shoppers, Visits

ROUTINES = 0.085
"""Items that a shopper buys again and again, for each purchase of the year."""
PERIOD_DAYS, PERIOD_SPREAD = 150.0, 1.0
"""Median time until such an item has run out, and the spread of its logarithm."""
REGULARITY = 3.0
"""Shape of the gamma distribution of the times between: 1 has no rhythm, infinity is a clock."""
_BY_TASTE = 0.6
"""Share of choices that are made in an aisle that the shopper likes."""
_TWICE = 0.036
"""Share of choices that are in the basket already, or are not sold any more."""


@dataclass(frozen=True)
class Lines:
    """One a (visit, item), sorted by them."""

    visit: NDArray[np.int32]
    item: NDArray[np.int32]

    @classmethod
    def draw(cls, n: int, shoppers: Shoppers, visits: Visits, catalogue: Catalogue, rng: np.random.Generator) -> Self:
        """About `n`: what stands twice in a basket is one line."""
        n = round(n / (1 - _TWICE))
        again = _routines(shoppers, visits, catalogue, rng)
        once = _for_once(max(0, n - len(again)), shoppers, visits, catalogue, rng)
        together = _distinct(np.concatenate([again, once]))
        visit, item = np.divmod(together, len(catalogue.aisle))
        return cls(visit.astype(np.int32), item.astype(np.int32))


def _routines(shoppers: Shoppers, visits: Visits, catalogue: Catalogue, rng: np.random.Generator) -> NDArray[np.int64]:
    """visit * n_items + item, of what ran out: bought on the next large visit, if it is still sold."""
    each = np.floor(ROUTINES * shoppers.events + rng.random(len(shoppers.events))).astype(np.int64)
    user = np.repeat(np.arange(len(each), dtype=np.int32), each)
    item = _choices(user, shoppers, catalogue, rng)
    routine, second = _run_out(len(user), rng)
    large = np.flatnonzero(visits.size >= np.median(visits.size))
    # Visits are sorted by user and time, so one number tells both.
    times = visits.user[large] * np.int64(DAYS * DAY_S) + visits.second[large]
    next_visit = np.searchsorted(times, user[routine] * np.int64(DAYS * DAY_S) + second)
    found = next_visit < len(large)
    routine, visit = routine[found], large[next_visit[found]]
    bought = item[routine]
    good = (visits.user[visit] == user[routine]) & catalogue.is_sold(bought, visits.second[visit] // DAY_S)
    return _distinct(visit[good] * np.int64(len(catalogue.aisle)) + bought[good])


def _run_out(n: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of n things: which one ran out, and when, in seconds of the year."""
    days = PERIOD_DAYS * np.exp(rng.normal(0, PERIOD_SPREAD, n))
    days = np.maximum(days, 3.0)
    times = np.ceil(1.5 * DAYS / days).astype(np.int64) + 2
    which = np.repeat(np.arange(n), times)
    starts = np.cumsum(times) - times
    gaps = rng.standard_gamma(REGULARITY, len(which)) * (days / REGULARITY)[which]
    gaps[starts] *= rng.random(n)
    at = np.cumsum(gaps)
    at -= (at[starts] - gaps[starts])[which]
    within = at < DAYS
    return which[within], (at[within] * DAY_S).astype(np.int64)


def _for_once(
    n: int, shoppers: Shoppers, visits: Visits, catalogue: Catalogue, rng: np.random.Generator
) -> NDArray[np.int64]:
    """visit * n_items + item. Of two choices that which is promoted, or still sold, is taken."""
    wanted = visits.size * (n / visits.size.sum())
    each = np.floor(wanted + rng.random(len(wanted))).astype(np.int64)
    visit = np.repeat(np.arange(len(each), dtype=np.int64), each)
    user, day = visits.user[visit], visits.second[visit] // DAY_S
    item, other = (_choices(user, shoppers, catalogue, rng) for _ in range(2))
    sold = catalogue.is_sold(item, day)
    tempting = catalogue.is_promoted(other, day) & ~catalogue.is_promoted(item, day)
    item = np.where(~sold | tempting, other, item)
    good = catalogue.is_sold(item, day)
    return visit[good] * len(catalogue.aisle) + item[good]


def _choices(
    user: NDArray[np.int32], shoppers: Shoppers, catalogue: Catalogue, rng: np.random.Generator
) -> NDArray[np.int32]:
    """An item for each: in an aisle that the user likes, or anywhere."""
    aisle = shoppers.liked[user, rng.integers(0, LIKED, len(user))]
    by_taste = catalogue.choose_in(aisle, rng)
    return np.where(rng.random(len(user)) < _BY_TASTE, by_taste, catalogue.choose(rng, len(user)))


def _distinct(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sorted, in place of what was given."""
    keys.sort()
    return keys[np.r_[True, keys[1:] != keys[:-1]]] if len(keys) else keys
