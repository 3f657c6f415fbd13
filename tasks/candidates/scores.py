"""Scores of one retriever for a block of users: all of them, those that are not 0, or one row that holds for everybody.

Whatever is asked of them costs as much as there is in them: a shop may have many more items than a shopper has to do
with.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, cast

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from tasks.candidates.ranking import Pairs, best_of, best_of_some, row_by_row


class Scores(Protocol):
    """(n_users, n_columns) in meaning, the higher the better; 0 or less where the retriever would not propose."""

    def best(self, k: int, hidden: sp.csr_matrix | None = None) -> Pairs:
        """(rows, columns) of the at most k highest scores above 0 of each user, best first, rows ascending.

        Of equal scores the lower column comes first. A column in which `hidden` stores something for the user is left
        out; `hidden` (n_users, n) may have more columns than the scores.
        """
        ...

    def at(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.float32]:
        """One score a pair; `rows` ascend. A column beyond the scores has 0."""
        ...


@dataclass(frozen=True)
class DenseScores:
    values: NDArray[np.float32]
    """(n_users, n_columns)"""

    def best(self, k: int, hidden: sp.csr_matrix | None = None) -> Pairs:
        if hidden is None:
            return row_by_row(lambda row: best_of(self.values[row], k), len(self.values))

        def best_of_row(row: int) -> NDArray[np.intp]:
            shown = self.values[row].copy()
            columns = _stored(hidden, row)
            shown[columns[columns < len(shown)]] = 0
            return best_of(shown, k)

        return row_by_row(best_of_row, len(self.values))

    def at(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.float32]:
        inside = columns < self.values.shape[1]
        found = np.zeros(len(rows), np.float32)
        found[inside] = self.values[rows[inside], columns[inside]]
        return found


@dataclass(frozen=True)
class SparseScores:
    matrix: sp.csr_matrix
    """(n_users, n_columns), no pair twice; the columns of a row may be in any order."""

    def best(self, k: int, hidden: sp.csr_matrix | None = None) -> Pairs:
        is_shown = None if hidden is None else _is_shown(hidden, self._width)

        def best_of_row(row: int) -> NDArray[np.intp]:
            columns, values = self._row(row)
            if is_shown is not None:
                shown = is_shown(row, columns)
                columns, values = columns[shown], values[shown]
            return best_of_some(columns, values, k)

        return row_by_row(best_of_row, self._height)

    def at(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.float32]:
        found = np.zeros(len(rows), np.float32)
        ends = np.searchsorted(rows, np.arange(self._height + 1))
        inside, spread = np.minimum(columns, self._width), np.zeros(self._width + 1, np.float32)
        for row in range(self._height):
            asked = slice(ends[row], ends[row + 1])
            stored, values = self._row(row)
            spread[stored] = values
            found[asked] = spread[inside[asked]]
            spread[stored] = 0
        return found

    @property
    def _height(self) -> int:
        return len(self.matrix.indptr) - 1

    @property
    def _width(self) -> int:
        return cast("tuple[int, int]", self.matrix.shape)[1]

    def _row(self, row: int) -> tuple[NDArray[np.integer], NDArray[np.float32]]:
        stored = slice(self.matrix.indptr[row], self.matrix.indptr[row + 1])
        return self.matrix.indices[stored], cast("NDArray[np.float32]", self.matrix.data[stored])


@dataclass(frozen=True)
class SameScores:
    """Of `n_users` users, all of whom have the scores of `everybody`."""

    everybody: "Everybody"
    n_users: int

    def best(self, k: int, hidden: sp.csr_matrix | None = None) -> Pairs:
        best = self.everybody.best_first
        if hidden is None:
            return row_by_row(lambda _: best[: max(k, 0)], self.n_users)
        is_shown = _is_shown(hidden, len(self.everybody.values))

        def best_of_row(row: int) -> NDArray[np.intp]:
            enough = best[: max(k, 0) + len(_stored(hidden, row))]
            return enough[is_shown(row, enough)][: max(k, 0)]

        return row_by_row(best_of_row, self.n_users)

    def at(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.float32]:
        inside = columns < len(self.everybody.values)
        found = np.zeros(len(rows), np.float32)
        found[inside] = self.everybody.values[columns[inside]]
        return found


@dataclass(frozen=True)
class Everybody:
    """One row of scores, sorted once however many blocks of users have it."""

    values: NDArray[np.float32]
    """(n_columns,)"""

    @cached_property
    def best_first(self) -> NDArray[np.intp]:
        return best_of(self.values, len(self.values))


def _stored(matrix: sp.csr_matrix, row: int) -> NDArray[np.integer]:
    return matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]]


def _is_shown(hidden: sp.csr_matrix, width: int) -> Callable[[int, NDArray[np.integer]], NDArray[np.bool_]]:
    """Of columns below `width`, which ones `hidden` does not have in a row."""
    shown = np.ones(max(width, cast(tuple[int, int], hidden.shape)[1]), np.bool_)

    def of_row(row: int, columns: NDArray[np.integer]) -> NDArray[np.bool_]:
        stored = _stored(hidden, row)
        shown[stored] = False
        found = shown[columns]
        shown[stored] = True
        return found

    return of_row
