"""What is shown to shoppers of whom hardly anything is known: what sells, and of the little they had, what will be
bought again.

Both are chances that hold for everybody: of a shopper who buys anything within the horizon, to buy the item. So they
can be compared, and one list is made of both.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.candidates.history import History
from tasks.candidates.lately import Lately
from tasks.candidates.retriever import Arrays
from tasks.folds import Fold
from tasks.params.candidates import CandidateParams
from tasks.schema import ITEM, categories

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
        lately = Lately.of(history, fold.horizon, params.universe_days)
        told = promotions if params.newcomers.promotions else None
        moved = lately.moved(told, fold, params.newcomers.half_life_days)
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


def _levels(history: History, items: pd.DataFrame) -> list[NDArray[np.intp]]:
    """A code an item for each category level, from the widest on; items of unknown category have one of their own."""
    described = items.drop_duplicates(ITEM).set_index(ITEM).reindex(history.items)
    return [pd.factorize(described[column], use_na_sentinel=False)[0] for column in categories(list(items.columns))]
