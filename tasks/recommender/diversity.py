"""The first places of a list chosen together: for what the ranker expects, for novelty, and for variety.

By maximal marginal relevance (Carbonell, Goldstein: The Use of MMR, Diversity-Based Reranking for Reordering Documents
and Producing Summaries, SIGIR 1998): one item after another is taken, each time the one with the highest

    chance + novelty * bits - variety * similarity

Chance is exp(score), divided by its mean over the places before anything is re-ranked, so that strengths mean the same
to every ranker and shopper. Bits are an item's self-information, -log2(share of shoppers who bought it). Similarity is
the share of category levels in common with that item taken before which has most. What was taken stands in the ranker's
order: which places it has within the first ones changes neither novelty nor variety, so relevance decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.candidates.union import Retrieval
from tasks.features.levels import category_levels
from tasks.params.ranker import StrengthParams
from tasks.schema import ITEM, RANK, SCORE

_NOTHING = -1


@dataclass(frozen=True)
class Surroundings:
    """What is known of the items beside their scores, as of one cutoff."""

    items: pd.Index
    bits: NDArray[np.float64]
    """(n_items,); an item that nobody bought counts as bought once."""
    levels: Sequence[NDArray[np.int64]]
    """A code an item for each category level; none where the shop has no categories."""

    @classmethod
    def of(cls, retrieval: Retrieval, catalogue: pd.DataFrame) -> Self:
        """Of the items that somebody had, with the categories that `catalogue` knows."""
        items = pd.Index(retrieval.items)
        buyers = np.bincount(retrieval.owned.indices, minlength=len(items))
        bits = -np.log2(np.maximum(buyers, 1) / max(len(retrieval.users), 1))
        described = catalogue.drop_duplicates(ITEM).set_index(ITEM).reindex(items)
        return cls(items, bits, category_levels(described))


def diversified(
    ranked: pd.DataFrame, around: Surroundings, strength: StrengthParams, places: int, head: int
) -> pd.DataFrame:
    """`ranked` with its items in another order within the first `head` of a user; ranks and scores stay where they are.

    `ranked`: `user_id, item_id, score, rank`, the rows of a user side by side, best first. So a score is that of its
    place, and no longer that of its item.
    """
    place = ranked[RANK].to_numpy() - 1
    inside = np.flatnonzero(place < head)
    row, place = np.cumsum(place == 0)[inside] - 1, place[inside]
    shape = (int(row[-1]) + 1, int(place.max()) + 1) if len(row) else (0, 0)
    item, score = np.full(shape, _NOTHING), np.full(shape, -np.inf)
    item[row, place] = around.items.get_indexer(pd.Index(ranked[ITEM].iloc[inside]))
    score[row, place] = ranked[SCORE].to_numpy()[inside]
    chosen = _chosen(item, _chance(score, places), around, strength, places)
    source = np.full(shape, _NOTHING)
    source[row, place] = inside
    # What was chosen comes first, else all stay in the ranker's order; what is not there is behind as it was.
    source = np.take_along_axis(source, np.argsort(~chosen, axis=1, kind="stable"), axis=1)
    rows = np.arange(len(ranked))
    rows[inside] = source[row, place]
    return ranked.assign(**{ITEM: ranked[ITEM].to_numpy()[rows]})


def _chance(score: NDArray[np.float64], places: int) -> NDArray[np.float64]:
    """(n_users, depth); `score` likewise, best first, -inf where a list has ended."""
    chance = np.exp(score - score[:, :1])
    first = chance[:, :places]
    return chance / (first.sum(axis=1, keepdims=True) / (first > 0).sum(axis=1, keepdims=True))


def _chosen(
    item: NDArray[np.intp],
    chance: NDArray[np.float64],
    around: Surroundings,
    strength: StrengthParams,
    places: int,
) -> NDArray[np.bool_]:
    """(n_users, depth): which of a user's items take the first places; of equal ones the ranker's better one."""
    worth = np.where(item == _NOTHING, -np.inf, chance + strength.novelty * around.bits[item])
    levels = np.stack([codes[item] for codes in around.levels], axis=2) if around.levels else None
    nearest, chosen = np.zeros(item.shape), np.zeros(item.shape, np.bool_)
    users = np.arange(len(item))
    for _ in range(min(places, item.shape[1])):
        taken = np.argmax(np.where(chosen, -np.inf, worth - strength.variety * nearest), axis=1)
        chosen[users, taken] = True
        if levels is not None and strength.variety:
            nearest = np.maximum(nearest, (levels == levels[users, taken][:, None]).mean(axis=2))
    return chosen
