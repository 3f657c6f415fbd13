"""What is shown to shoppers of whom hardly anything is known: what sells, and of the little they had, what will be
bought again.

Both are chances that hold for everybody: of a shopper who buys anything within the horizon, to buy the item. So they
can be compared, and one list is made of both.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.candidates.history import History, decayed
from tasks.candidates.promoted import factors_of_promotions, reach_of_promotions
from tasks.candidates.retriever import Arrays
from tasks.folds import Fold
from tasks.params import CandidateParams, NewcomerParams
from tasks.schema import ITEM, categories

_DAY = timedelta(days=1)
Chances = NDArray[np.float32]


@dataclass(frozen=True)
class Newcomers:
    """As of one cutoff, for the horizon after it."""

    sells: Chances
    """(n_universe,)"""
    again: Chances
    """(n_items,): likewise, of a shopper who had the item lately."""
    share: float
    """Of the shoppers with an event in some of the last horizons and another before, the share of newcomers: where
    there are many, a ranker has learned from them."""

    @classmethod
    def fit(
        cls,
        history: History,
        items: pd.DataFrame,
        promotions: pd.DataFrame | None,
        fold: Fold,
        params: CandidateParams,
    ) -> Self:
        """From target events of the last `universe_days`, cut into horizons backwards from the fold's cutoff.

        `items`: `item_id` and categories. Of `promotions` those up to the end of the coming horizon are looked at.
        """
        lately = _Lately.of(history, fold.horizon / _DAY, params.universe_days)
        moved = _moved(lately, promotions, fold, params.newcomers)
        sells = lately.sold(params.newcomers.half_life_days) * moved
        sells *= lately.items_of_a_shopper() / max(sells.sum(), np.finfo(np.float64).tiny)
        again = lately.bought_again(_levels(history, items), params.newcomers.smoothing)
        if again is None:
            again = np.concatenate([sells, np.zeros(len(history.items) - history.n_universe)])
        else:
            again[: history.n_universe] *= moved
        share = lately.share_with_few(params.newcomer_events)
        return cls(sells.astype(np.float32), again.astype(np.float32), share)

    @classmethod
    def by_buyers(cls, n_universe: int, n_items: int) -> Self:
        """Where no more is known than the universe's order: from the most to the least bought, whatever was had."""
        sells = np.linspace(1, 0, n_universe, endpoint=False, dtype=np.float32)
        return cls(sells, np.concatenate([sells, np.zeros(n_items - n_universe, np.float32)]), 0.0)

    def best(self, n: int, own: NDArray[np.integer], *, new: bool) -> NDArray[np.intp]:
        """Positions of at most n items, best first, for who had the items `own`; with `new`, none of these.

        Of the universe, and of what the shopper had. Of equal chances the lower position comes first.
        """
        others = self._best_sold[: n + len(own)]
        others = others[~np.isin(others, own)]
        if new:
            return others[:n]
        found = np.concatenate([own.astype(np.intp), others])
        chance = np.concatenate([self.again[own], self.sells[others]])
        return found[np.lexsort((found, -chance))[:n]]

    @cached_property
    def _best_sold(self) -> NDArray[np.intp]:
        return np.argsort(-self.sells, kind="stable")

    def arrays(self) -> Arrays:
        return {"sells": self.sells, "again": self.again, "share": np.array(self.share)}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        return cls(arrays["sells"], arrays["again"], float(arrays["share"]))


@dataclass(frozen=True)
class _Lately:
    """Target events of the last horizons, with how many horizons each lies back."""

    history: History
    days: float
    """Of a horizon."""
    horizons: int
    """As far as the history goes back."""
    user: NDArray[np.int32]
    item: NDArray[np.int32]
    age_days: NDArray[np.float32]
    back: NDArray[np.int64]

    @classmethod
    def of(cls, history: History, days: float, most_days: float) -> Self:
        back = np.ceil(history.age_days / days).astype(np.int64) - 1
        used = history.target & (back < max(1, int(most_days // days)))
        horizons = int(back[used].max()) + 1 if used.any() else 0
        return cls(history, days, horizons, history.user[used], history.item[used], history.age_days[used], back[used])

    def sold(self, half_life_days: float) -> NDArray[np.float64]:
        """(n_universe,): sessions with the item, decayed."""
        weights = decayed(np.ones_like(self.age_days), self.age_days, half_life_days)
        found = np.bincount(self.item, weights, len(self.history.items)).astype(np.float64)
        return found[: self.history.n_universe]

    def sold_in_horizons(self) -> NDArray[np.float64]:
        """(horizons, n_universe)"""
        inside = self.item < self.history.n_universe
        cells = self.back[inside] * self.history.n_universe + self.item[inside]
        shape = (self.horizons, self.history.n_universe)
        return np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)

    def share_with_few(self, most: int) -> float:
        """Of (shopper, horizon) with a target event in it and one before, the share with at most so many before."""
        back = np.ceil(self.history.age_days[self.history.target] / self.days).astype(np.int64) - 1
        cells = np.minimum(back, self.horizons) * len(self.history.users) + self.history.user[self.history.target]
        shape = (self.horizons + 1, len(self.history.users))
        events = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)
        before = events.sum(axis=0) - np.cumsum(events, axis=0)
        counted = (events[: self.horizons] > 0) & (before[: self.horizons] > 0)
        return float((before[: self.horizons][counted] <= most).mean()) if counted.any() else 0.0

    def items_of_a_shopper(self) -> float:
        """Mean number of items of the universe that a shopper buys within a horizon with a purchase."""
        bought = self._bought
        inside = bought % len(self.history.items) < self.history.n_universe
        return inside.sum() / max(len(np.unique(bought // len(self.history.items))), 1)

    def bought_again(self, levels: list[NDArray[np.intp]], smoothing: float) -> NDArray[np.float64] | None:
        """(n_items,): of shoppers who had the item in a horizon and bought in the next, the share who bought it again.

        It is smoothed by so many shoppers towards that of the item's narrowest category, that one towards that of the
        wider one, up to all items together; None where nobody came twice. `levels`: codes from the widest level on.
        """
        n_items, n_users = len(self.history.items), len(self.history.users)
        bought = self._bought
        had = bought[np.isin(bought // n_items - n_users, bought // n_items)]  # the next horizon has a lower number
        if not len(had):
            return None
        is_again = np.isin(had - n_users * n_items, bought, assume_unique=True)
        number = np.bincount(had % n_items, minlength=n_items).astype(np.float64)
        times = np.bincount(had % n_items, is_again, n_items)
        chance = np.full(n_items, times.sum() / number.sum())
        for codes in [*levels, np.arange(n_items)]:
            wider = np.bincount(codes, chance) / np.bincount(codes)
            smoothed = (np.bincount(codes, times) + smoothing * wider) / (np.bincount(codes, number) + smoothing)
            chance = smoothed[codes]
        return chance

    @cached_property
    def _bought(self) -> NDArray[np.int64]:
        """What each user bought in each horizon, ascending, each once: (back * n_users + user) * n_items + item."""
        return np.unique((self.back * len(self.history.users) + self.user) * len(self.history.items) + self.item)


def _moved(lately: _Lately, promotions: pd.DataFrame | None, fold: Fold, params: NewcomerParams) -> NDArray[np.float64]:
    """(n_universe,): by what the coming promotions multiply sales, against those of the sales that are counted."""
    universe = lately.history.items[: lately.history.n_universe]
    if promotions is None or not params.promotions or not lately.horizons:
        return np.ones(len(universe))
    reach = reach_of_promotions(promotions, universe, fold.cutoff, fold.horizon, lately.horizons)
    factors = factors_of_promotions(reach, lately.sold_in_horizons())
    weights = 0.5 ** ((np.arange(lately.horizons) + 0.5) * lately.days / params.half_life_days)
    return factors[0] / np.average(factors[1:], axis=0, weights=weights)


def _levels(history: History, items: pd.DataFrame) -> list[NDArray[np.intp]]:
    """A code an item for each category level, from the widest on; items of unknown category have one of their own."""
    described = items.drop_duplicates(ITEM).set_index(ITEM).reindex(history.items)
    return [pd.factorize(described[column], use_na_sentinel=False)[0] for column in categories(list(items.columns))]
