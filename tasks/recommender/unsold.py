"""Items of the catalogue that nobody ever bought, ordered for each shopper by what the catalogue says of them.

Nothing but content tells one from another:

    taste(category) / items of the category sold * taste(brand) / share(brand)

Taste is the share of a shopper's events that are of the item's narrowest category, or of its brand, drawn towards
everybody's share as if the shopper had `SMOOTHING` events more. So the taste for a category is divided among its items,
and those of a brand gain as far as the shopper likes it more than others do.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from tasks.candidates.ranking import place_in_group
from tasks.candidates.union import Retrieval
from tasks.schema import BRAND, ITEM, RANK, SCORE, USER, categories

SMOOTHING = 20
_ROWS = 4_000_000
"""Scores that are in memory at once."""
_UNKNOWN = ""


@dataclass(frozen=True)
class Unsold:
    """As of one cutoff."""

    items: NDArray[Any]
    """Ids."""
    traits: Sequence["_Trait"]

    @classmethod
    def of(cls, retrieval: Retrieval, catalogue: pd.DataFrame) -> Self:
        """Of all items in `catalogue` that had no event."""
        described = catalogue.drop_duplicates(ITEM).set_index(ITEM)
        unsold = described.index[~described.index.isin(retrieval.items)].sort_values()
        narrowest = categories(list(catalogue.columns))[-1:]
        columns = [*narrowest, *([BRAND] if BRAND in described else [])]
        traits = [
            _Trait.of(described[c].astype("string").fillna(_UNKNOWN), retrieval, unsold, divided=c in narrowest)
            for c in columns
        ]
        return cls(unsold.to_numpy(), traits)

    def best(self, users: NDArray[Any], positions: NDArray[np.intp], k: int) -> pd.DataFrame:
        """`user_id, rank, item_id, score`: the k best of each user; of equal ones the lower id first.

        `positions` of the users in the history; -1, a user of whom nothing is known, has everybody's taste.
        """
        blocks = list(self._best(positions, k))
        rows, found, scores = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
        return pd.DataFrame({USER: users[rows], RANK: place_in_group(rows) + 1, ITEM: self.items[found], SCORE: scores})

    def _best(self, positions: NDArray[np.intp], k: int) -> Iterator[tuple[NDArray[Any], ...]]:
        size = max(1, _ROWS // max(len(self.items), 1))
        for begin in range(0, max(len(positions), 1), size):
            block = positions[begin : begin + size]
            scores = np.ones((len(block), len(self.items)))
            for trait in self.traits:
                scores *= trait.scores(block)
            order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
            rows = np.repeat(np.arange(begin, begin + len(block)), order.shape[1])
            yield rows, order.ravel(), np.take_along_axis(scores, order, axis=1).ravel()


@dataclass(frozen=True)
class _Trait:
    """What one column says of items; one that it does not describe has a value that all such items share."""

    bought: sp.csr_matrix
    """(n_users, n_values): events of a user with items of the value."""
    share: NDArray[np.float64]
    """(n_values,): of all events; above 0."""
    divisor: NDArray[np.float64]
    """(n_values,)"""
    value: NDArray[np.intp]
    """(n_unsold,); -1 where no sold item has the value."""

    @classmethod
    def of(cls, values: pd.Series, retrieval: Retrieval, unsold: pd.Index, *, divided: bool) -> Self:
        codes, names = pd.factorize(values.reindex(retrieval.items).fillna(_UNKNOWN))
        cells = np.ones(len(codes), np.float32), (np.arange(len(codes)), codes)
        bought = cast(sp.csr_matrix, retrieval.owned @ sp.csr_matrix(cells, (len(codes), len(names))))
        events = np.asarray(bought.sum(axis=0), np.float64).ravel()
        share = np.maximum(events, 1) / max(events.sum(), 1)
        divisor = np.bincount(codes, minlength=len(names)).astype(np.float64) if divided else share
        return cls(bought, share, divisor, pd.Index(names).get_indexer(pd.Index(values.reindex(unsold))))

    def scores(self, positions: NDArray[np.intp]) -> NDArray[np.float64]:
        """(n_users, n_unsold); 0 for items of a value that nobody ever bought."""
        mine = np.zeros((len(positions), len(self.share)))
        known = positions >= 0
        mine[known] = cast(sp.csr_matrix, self.bought[positions[known]]).toarray()
        taste = (mine + SMOOTHING * self.share) / (mine.sum(axis=1, keepdims=True) + SMOOTHING)
        return np.where(self.value >= 0, (taste / self.divisor)[:, self.value], 0.0)
