"""Evidence as arrays: a row a scored user, a column a place in the list."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.errors import BrokenCheckError
from tasks.evaluation.evidence import SYSTEM, TASK, Evidence
from tasks.schema import ITEM, RANK, USER, Task

NO_ITEM = -1
"""Stands where a list has ended."""


@dataclass(frozen=True)
class ScoredLists:
    """All systems' lists for one task. Items are places in `Evidence.items`."""

    task: Task
    users: pd.Index
    """The scored users, sorted; row numbers below refer to it."""
    relevant: NDArray[np.int64]
    """(n_users,): how many items are relevant to each, at least 1."""
    positives: NDArray[np.int64]
    """The relevant pairs as sorted codes, see `pair_codes`."""
    n_items: int
    items: dict[str, NDArray[np.int64]]
    """A system's lists, (n_users, depth), best first."""
    hits: dict[str, NDArray[np.bool_]]
    """Where these items are relevant, (n_users, depth)."""

    def pair_codes(self, rows: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.int64]:
        """One number a (user row, item) pair."""
        return rows * self.n_items + items

    def is_positive(self, codes: NDArray[np.int64]) -> NDArray[np.bool_]:
        places = np.searchsorted(self.positives, codes)
        return self.positives[np.minimum(places, len(self.positives) - 1)] == codes


def scored_lists(evidence: Evidence, task: Task, depth: int, systems: Collection[str] = ()) -> ScoredLists:
    """The lists of every system that has any for this task, cut at `depth`; users who are not scored are left out.

    Those of `systems` are scored even where they have none, as empty lists.

    Raises BrokenCheckError where a list holds an item or a rank twice, or an item that `evidence.items` lacks.
    """
    labels = evidence.labels[evidence.labels[TASK] == task]
    users = pd.Index(labels[USER].unique()).sort_values()
    catalogue = pd.Index(evidence.items[ITEM])
    rows = users.get_indexer(pd.Index(labels[USER])).astype(np.int64)
    positives = np.unique(rows * len(catalogue) + _places(catalogue, labels[ITEM], "labels", task))
    relevant = np.bincount(positives // len(catalogue), minlength=len(users)).astype(np.int64)
    scored = ScoredLists(task, users, relevant, positives, len(catalogue), {}, {})
    lists = evidence.lists[evidence.lists[TASK] == task]
    for system in sorted({*lists[SYSTEM].unique(), *systems}):
        items = _matrix(lists[lists[SYSTEM] == system], users, catalogue, depth, f"lists of '{system}'", task)
        scored.items[system] = items
        codes = scored.pair_codes(np.arange(len(users))[:, None], items)
        scored.hits[system] = scored.is_positive(codes) & (items != NO_ITEM)
    return scored


def _matrix(
    lists: pd.DataFrame, users: pd.Index, catalogue: pd.Index, depth: int, where: str, task: Task
) -> NDArray[np.int64]:
    rows = users.get_indexer(pd.Index(lists[USER])).astype(np.int64)
    scored = rows >= 0
    rows, lists = rows[scored], lists[scored]
    items = _places(catalogue, lists[ITEM], where, task)
    ranks = lists[RANK].to_numpy()
    order = np.lexsort((ranks, rows))
    rows, items, ranks = rows[order], items[order], ranks[order]
    codes = np.sort(rows * len(catalogue) + items)
    if (codes[1:] == codes[:-1]).any() or ((rows[1:] == rows[:-1]) & (ranks[1:] == ranks[:-1])).any():
        raise BrokenCheckError(
            f"{where}, task {task}: an item or a rank stands twice in a user's list; make each unique"
        )
    lengths = np.bincount(rows, minlength=len(users))
    places = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    matrix = np.full((len(users), depth), NO_ITEM, dtype=np.int64)
    kept = places < depth
    matrix[rows[kept], places[kept]] = items[kept]
    return matrix


def _places(catalogue: pd.Index, items: pd.Series, where: str, task: Task) -> NDArray[np.int64]:
    places = catalogue.get_indexer(pd.Index(items)).astype(np.int64)
    if (places < 0).any():
        lacking = items[places < 0]
        raise BrokenCheckError(
            f"{where}, task {task}: {lacking.nunique()} item(s) are not in the evidence's items, such as"
            f" {lacking.tolist()[0]!r}; recommend and judge only items bought before the cutoff"
        )
    return places
