"""However scores are held, they answer as a plain table of all of them does."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tasks.candidates.scores import DenseScores, Everybody, SameScores, Scores, SparseScores

USERS, UNIVERSE, ITEMS = 5, 60, 70
"""Items beyond the universe may be hidden and asked for, and have no score."""
KINDS = ("dense", "sparse", "same")
Table = NDArray[np.float32]


def table(rng: np.random.Generator, share: float, ties: bool) -> Table:
    """Scores of which a share is not 0, some of them below it; the last user has none."""
    values = rng.integers(-2, 5, (USERS, UNIVERSE)) if ties else rng.standard_normal((USERS, UNIVERSE))
    values = np.where(rng.random((USERS, UNIVERSE)) < share, values, 0).astype(np.float32)
    values[-1] = 0
    return values


def held(values: Table, kind: str, rng: np.random.Generator) -> tuple[Scores, Table]:
    """The scores as a retriever of this kind holds them, and the table that they stand for."""
    if kind == "dense":
        return DenseScores(values), values
    if kind == "same":
        return SameScores(Everybody(values[0]), USERS), np.tile(values[0], (USERS, 1))
    rows, columns = values.nonzero()
    shuffled = np.lexsort((rng.random(len(rows)), rows))  # a product of sparse matrices has no order of columns
    ends = np.searchsorted(rows, np.arange(USERS + 1))
    parts = values[rows, columns][shuffled], columns[shuffled].astype(np.int32), ends
    return SparseScores(sp.csr_matrix(parts, shape=values.shape)), values


def plainly(values: Table, k: int, hidden: NDArray[np.bool_]) -> list[tuple[int, int]]:
    found = []
    for row in range(USERS):
        shown = [(-values[row, c], c) for c in range(UNIVERSE) if values[row, c] > 0 and not hidden[row, c]]
        found += [(row, column) for _, column in sorted(shown)[:k]]
    return found


@settings(deadline=None, max_examples=60)
@pytest.mark.parametrize("kind", KINDS)
@given(
    seed=st.integers(0, 2**32 - 1), k=st.integers(0, 70), share=st.sampled_from([0.05, 0.5, 1.0]), ties=st.booleans()
)
def test_the_best_are_those_of_the_plain_table(kind: str, seed: int, k: int, share: float, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    scores, values = held(table(rng, share, ties), kind, rng)
    hidden = rng.random((USERS, ITEMS)) < rng.choice([0, 0.3, 1.0], (USERS, 1))
    for mask, best in (
        (np.zeros_like(hidden), scores.best(k)),
        (hidden, scores.best(k, sp.csr_matrix(hidden, dtype=np.float32))),
        (np.zeros_like(hidden), scores.best(k)),  # to hide leaves no trace
    ):
        assert list(zip(*(part.tolist() for part in best), strict=True)) == plainly(values, k, mask)


@settings(deadline=None, max_examples=60)
@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 2**32 - 1), asked=st.integers(0, 200))
def test_a_score_is_that_of_the_plain_table_and_0_outside_of_the_universe(kind: str, seed: int, asked: int) -> None:
    rng = np.random.default_rng(seed)
    scores, values = held(table(rng, 0.3, ties=False), kind, rng)
    rows, columns = np.sort(rng.integers(0, USERS, asked)), rng.integers(0, ITEMS, asked)
    expected = np.pad(values, ((0, 0), (0, ITEMS - UNIVERSE)))[rows, columns]
    np.testing.assert_array_equal(scores.at(rows, columns), expected)


@pytest.mark.parametrize("shape", [(0, 4), (3, 0)])
def test_without_users_or_universe_there_is_nothing(shape: tuple[int, int]) -> None:
    empty, hidden = np.zeros(shape, np.float32), sp.csr_matrix(np.ones((shape[0], 6), np.float32))
    same = SameScores(Everybody(np.zeros(shape[1], np.float32)), shape[0])
    for scores in (DenseScores(empty), SparseScores(sp.csr_matrix(empty)), same):
        assert [part.tolist() for part in scores.best(3)] == [[], []]
        assert [part.tolist() for part in scores.best(3, hidden)] == [[], []]
        rows = np.arange(shape[0])
        assert scores.at(rows, rows + 1).tolist() == [0.0] * shape[0]
