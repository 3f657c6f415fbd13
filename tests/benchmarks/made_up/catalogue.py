"""What a made-up shop sells: items with popularity, a place in the shop, a price and a life, and their promotions."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.schema import BRAND, ITEM, PRICE, TITLE
from tests.benchmarks.made_up.calendar import DAYS, FIRST_DAY, WEEKS

AISLES, SHELVES_AN_AISLE, DEPARTMENTS = 300, 8, 24
ZIPF, TAIL = 0.66, 0.15
"""The r-th of n items is bought in proportion to r ** -ZIPF * exp(-r / (TAIL * n)): Zipf's law, cut off."""
_BORN, _GONE = 0.12, 0.12
"""Shares of items that come, or go, within the year."""
_PROMOTABLE, _DISPLAY, _MAILER = 0.65, 0.33, 0.05
"""Share of items that are ever promoted, and of a week's weeks in which such an item is."""
_PRIVATE_LABEL = 0.14


@dataclass(frozen=True)
class Catalogue:
    """Items by position; those of one aisle lie together."""

    aisle: NDArray[np.int32]
    """(n_items,), ascending"""
    cumulated: NDArray[np.float64]
    """(n_items,), popularity added up; its last is 1."""
    price: NDArray[np.float64]
    born: NDArray[np.int16]
    """First day on which it is sold."""
    gone: NDArray[np.int16]
    """First day on which it is not any more."""
    display: NDArray[np.bool_]
    """(n_items, weeks)"""
    mailer: NDArray[np.bool_]
    """(n_items, weeks)"""

    @classmethod
    def draw(cls, n_items: int, rng: np.random.Generator) -> Self:
        size = 1 / (np.arange(AISLES) + 20)
        aisle = np.sort(rng.choice(AISLES, n_items, p=size / size.sum())).astype(np.int32)
        rank = rng.permutation(n_items) + 1
        weight = rank**-ZIPF * np.exp(-rank / (TAIL * n_items))
        chance = rng.random((2, n_items))
        day = rng.integers(1, DAYS, (2, n_items))
        promotable = rng.random(n_items) < _PROMOTABLE
        return cls(
            aisle=aisle,
            cumulated=np.cumsum(weight) / weight.sum(),
            price=np.maximum(np.round(np.exp(rng.normal(1.0, 0.83, n_items)) * 10) / 10 - 0.01, 0.09),
            born=np.where(chance[0] < _BORN, day[0], 0).astype(np.int16),
            gone=np.where(chance[1] < _GONE, day[1], DAYS).astype(np.int16),
            display=_carried(rng, promotable, _DISPLAY),
            mailer=_carried(rng, promotable, _MAILER),
        )

    def choose(self, rng: np.random.Generator, n: int) -> NDArray[np.int32]:
        """So many items by their popularity."""
        return self._at(rng.random(n))

    def choose_in(self, aisles: NDArray[np.integer], rng: np.random.Generator) -> NDArray[np.int32]:
        """An item of each of `aisles`, by popularity; of an empty aisle, one beside it."""
        ends = np.searchsorted(self.aisle, np.arange(AISLES + 1))
        bounds = np.r_[0.0, self.cumulated][ends]
        low, high = bounds[aisles], bounds[aisles + 1]
        return self._at(low + rng.random(len(aisles)) * (high - low))

    def is_sold(self, items: NDArray[np.integer], days: NDArray[np.integer]) -> NDArray[np.bool_]:
        return (self.born[items] <= days) & (days < self.gone[items])

    def is_promoted(self, items: NDArray[np.integer], days: NDArray[np.integer]) -> NDArray[np.bool_]:
        return self.mailer[items, days // 7]

    def items(self, ids: NDArray[np.int64], rng: np.random.Generator) -> pd.DataFrame:
        n = len(self.aisle)
        shelf = self.aisle * SHELVES_AN_AISLE + rng.integers(0, SHELVES_AN_AISLE, n)
        private = rng.random(n) < _PRIVATE_LABEL
        brand = np.where(private, 0, 1 + (rng.random(n) ** 2 * max(1, n // 14)).astype(np.int64))
        department = (DEPARTMENTS * (self.aisle / AISLES) ** 2).astype(np.int64)
        return pd.DataFrame(
            {
                ITEM: ids,
                TITLE: _named("article of shelf", shelf),
                "category_1": _named("department", department),
                "category_2": _named("aisle", self.aisle),
                "category_3": _named("shelf", shelf),
                BRAND: _named("brand", brand),
                PRICE: self.price,
            }
        )

    def promotions(self, ids: NDArray[np.int64], rng: np.random.Generator) -> pd.DataFrame:
        """A row a (item, week, kind), the week from Monday to Monday."""
        parts = [self._promotions_of(kind, ids, rng) for kind in ("display", "mailer")]
        return pd.concat(parts, ignore_index=True)

    def _promotions_of(self, kind: str, ids: NDArray[np.int64], rng: np.random.Generator) -> pd.DataFrame:
        item, week = np.nonzero(self.display if kind == "display" else self.mailer)
        start = FIRST_DAY + pd.to_timedelta(7 * week, unit="D")
        # Most displays are those of a few outlets; what is in the mailer is so nearly everywhere.
        reach = rng.beta(*((0.25, 1.5) if kind == "display" else (4.0, 0.5)), len(item))
        end = start + pd.Timedelta(days=7)
        kept = {ITEM: ids[item], "start": start, "end": end, "kind": kind, "reach": reach.round(4).clip(0.009, 1)}
        return pd.DataFrame(kept)

    def _at(self, shares: NDArray[np.float64]) -> NDArray[np.int32]:
        return np.minimum(np.searchsorted(self.cumulated, shares), len(self.cumulated) - 1).astype(np.int32)


def _carried(rng: np.random.Generator, promotable: NDArray[np.bool_], share: float) -> NDArray[np.bool_]:
    """(n_items, weeks)"""
    carried = np.zeros((len(promotable), WEEKS), np.bool_)
    carried[promotable] = rng.random((int(promotable.sum()), WEEKS), np.float32) < share
    return carried


def _named(kind: str, numbers: NDArray[np.integer]) -> NDArray[np.object_]:
    """Few texts, made once each."""
    found, codes = np.unique(numbers, return_inverse=True)
    return np.array([f"{kind} {number}" for number in found], dtype=object)[codes]
