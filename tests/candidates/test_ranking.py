"""Best of a block, and ranks, against loops that say the same in the plainest words."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from tasks.candidates.ranking import place_in_group, rank_in_group
from tasks.candidates.scores import DenseScores

few_values = st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0])
"""Few, so that ties are common."""
blocks = arrays(np.float32, array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=12), elements=few_values)
runs = st.lists(st.integers(1, 6), max_size=8)


def best_by_hand(scores: NDArray[np.float32], k: int) -> list[tuple[int, int]]:
    found = []
    for row, values in enumerate(scores.tolist()):
        positive = sorted((-value, column) for column, value in enumerate(values) if value > 0)
        found += [(row, column) for _, column in positive[:k]]
    return found


@settings(deadline=None)
@given(scores=blocks, k=st.integers(0, 14))
def test_best_per_row_is_what_sorting_each_row_gives(scores: NDArray[np.float32], k: int) -> None:
    rows, columns = DenseScores(scores).best(k)
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == best_by_hand(scores, k)


def test_best_per_row_is_the_same_for_sparse_rows() -> None:
    """Another way through the code: hardly any score is above 0."""
    scores = np.zeros((3, 1000), np.float32)
    scores[0, [7, 900, 8]] = [1, 3, 1]
    scores[2, 5] = 2
    rows, columns = DenseScores(scores).best(2)
    assert (rows.tolist(), columns.tolist()) == ([0, 0, 2], [900, 7, 5])


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 30), ties=st.booleans())
def test_best_of_many_columns_is_what_sorting_each_row_gives(seed: int, k: int, ties: bool) -> None:
    """Where a bound is found on maxima of groups of columns; one row has its best side by side."""
    rng = np.random.default_rng(seed)
    scores = rng.integers(-3, 9, (3, 700)) if ties else rng.standard_normal((3, 700))
    scores[0] = np.sort(scores[0])[::-1]
    rows, columns = DenseScores(scores.astype(np.float32)).best(k)
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == best_by_hand(scores.astype(np.float32), k)


def test_of_equal_scores_the_lower_position_comes_first() -> None:
    rows, columns = DenseScores(np.ones((2, 6), np.float32)).best(3)
    assert columns.tolist() == [0, 1, 2] * 2
    assert rows.tolist() == [0] * 3 + [1] * 3


def test_places_count_from_0_in_each_run() -> None:
    assert place_in_group(np.array([4, 4, 4, 1, 4, 4])).tolist() == [0, 1, 2, 0, 0, 1]
    assert place_in_group(np.empty(0, int)).tolist() == []


@settings(deadline=None)
@given(sizes=runs, data=st.data())
def test_rank_in_group_is_what_sorting_each_group_gives(sizes: list[int], data: st.DataObject) -> None:
    groups = np.repeat(np.arange(len(sizes)), sizes)
    scores = data.draw(arrays(np.float32, len(groups), elements=few_values))
    expected = np.full(len(groups), np.nan, np.float32)
    for group in range(len(sizes)):
        members = np.flatnonzero(groups == group)
        for rank, at in enumerate(sorted(members, key=lambda m: (-scores[m], m)), start=1):
            expected[at] = rank if scores[at] > 0 else np.nan
    np.testing.assert_array_equal(rank_in_group(groups, scores), expected)
