"""What the ranker learns from: every purchase, some of the rest, each shopper's rows together."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tasks.features.frame import Frame
from tasks.reranking.examples import Examples, concatenated, examples, is_relevant, purchases, sample_rows

ROWS = st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=60).map(sorted)


def candidates_of(rows: list[tuple[int, bool]]) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
    """Rows are (user, whether bought); the items are numbered through."""
    users = np.array([user for user, _ in rows], int)
    table = pd.DataFrame({"user_id": users, "item_id": np.arange(len(rows))})
    return table, np.array([bought for _, bought in rows], bool)


def frame_of(users: list[str]) -> Frame:
    matrix = np.arange(len(users) * 2, dtype=np.float32).reshape(-1, 2)
    return Frame(pd.DataFrame({"user_id": users, "item_id": range(len(users))}), matrix, ["a", "b"], [])


def test_a_candidate_is_relevant_if_just_this_pair_was_bought() -> None:
    candidates = pd.DataFrame({"user_id": ["ann", "ann", "bob"], "item_id": ["tea", "jam", "tea"]})
    labels = pd.DataFrame({"user_id": ["bob", "ann", "eve"], "item_id": ["tea", "jam", "oat"]})
    assert is_relevant(candidates, labels).tolist() == [False, True, True]
    assert is_relevant(candidates, labels.iloc[:0]).tolist() == [False] * 3


@settings(deadline=None)
@given(rows=ROWS, share=st.floats(0.01, 1), seed=st.integers(0, 9))
def test_a_sample_keeps_every_purchase_in_order_and_nobody_without_one(
    rows: list[tuple[int, bool]], share: float, seed: int
) -> None:
    candidates, relevant = candidates_of(rows)
    chosen, kept = sample_rows(candidates, relevant, share, seed)
    assert set(chosen.loc[kept, "item_id"]) == set(candidates.loc[relevant, "item_id"])
    assert set(chosen["user_id"]) == set(candidates.loc[relevant, "user_id"])
    assert chosen["item_id"].is_monotonic_increasing
    assert chosen["item_id"].is_unique
    assert kept.tolist() == relevant[chosen["item_id"].to_numpy(int)].tolist()


def test_a_share_of_1_keeps_all_rows_of_buyers() -> None:
    candidates, relevant = candidates_of([(0, True), (0, False), (1, False), (2, False), (2, True)])
    chosen, _ = sample_rows(candidates, relevant, 1.0, seed=1)
    assert chosen["item_id"].tolist() == [0, 1, 3, 4]


def test_a_sample_holds_about_its_share_of_what_was_not_bought() -> None:
    """Of 30,000; a tenth more or less would be 23 standard deviations."""
    candidates, relevant = candidates_of([(user, item == 0) for user in range(300) for item in range(101)])
    chosen, kept = sample_rows(candidates, relevant, 0.3, seed=1)
    assert kept.sum() == 300
    assert abs((~kept).sum() - 9_000) < 900


def test_the_same_seed_draws_the_same_sample_and_another_draws_another() -> None:
    candidates, relevant = candidates_of([(0, item == 0) for item in range(200)])
    drawn = [sample_rows(candidates, relevant, 0.5, seed)[0]["item_id"].tolist() for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


@settings(deadline=None)
@given(rows=ROWS, most_users=st.integers(1, 6), seed=st.integers(0, 9))
def test_of_more_buyers_than_may_be_so_many_are_drawn_and_their_rows_are_as_without_a_bound(
    rows: list[tuple[int, bool]], most_users: int, seed: int
) -> None:
    candidates, relevant = candidates_of(rows)
    of_all, _ = sample_rows(candidates, relevant, 0.5, seed)
    of_some, kept = sample_rows(candidates, relevant, 0.5, seed, most_users)
    drawn = set(of_some["user_id"])
    assert len(drawn) == min(most_users, of_all["user_id"].nunique())
    pd.testing.assert_frame_equal(of_some, of_all[of_all["user_id"].isin(drawn)].reset_index(drop=True))
    assert set(of_some.loc[kept, "user_id"]) == drawn


def test_another_seed_draws_other_users() -> None:
    candidates, relevant = candidates_of([(user, True) for user in range(100)])
    drawn = [set(sample_rows(candidates, relevant, 1.0, seed, 10)[0]["user_id"]) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_sample_leaves_its_input_as_it_was() -> None:
    candidates, relevant = candidates_of([(0, True), (0, False), (1, False)])
    before, relevant_before = candidates.copy(deep=True), relevant.copy()
    sample_rows(candidates, relevant, 0.5, seed=1)
    pd.testing.assert_frame_equal(candidates, before)
    assert relevant.tolist() == relevant_before.tolist()


def test_the_rows_of_each_shopper_are_one_group() -> None:
    found = examples(frame_of(["ann", "ann", "eve", "bob", "bob", "bob"]), np.array([1, 0, 1, 0, 0, 1], bool))
    assert found.groups.tolist() == [2, 1, 3]
    assert found.label.tolist() == [1, 0, 1, 0, 0, 1]
    assert found.groups.sum() == len(found.matrix)


def test_no_rows_are_no_groups() -> None:
    found = examples(frame_of([]), np.empty(0, bool))
    assert (found.groups.tolist(), found.label.tolist()) == ([], [])


def test_folds_side_by_side_keep_their_groups_apart() -> None:
    """The same shopper in two folds is two groups."""
    first = examples(frame_of(["ann", "ann"]), np.array([True, False]))
    both = concatenated([first, examples(frame_of(["ann", "bob"]), np.array([True, True]))])
    assert both.groups.tolist() == [2, 1, 1]
    assert both.label.tolist() == [1, 0, 1, 1]
    assert both.matrix.tolist() == [[0, 1], [2, 3], [0, 1], [2, 3]]


@pytest.mark.parametrize("users", [["ann", "ann", "bob"], []])
def test_examples_that_were_written_are_read_as_they_were(tmp_path: Path, users: list[str]) -> None:
    frame = frame_of(users)
    frame.matrix[:1, 1] = np.nan
    found = examples(replace(frame, categorical=["b"]), np.arange(len(users)) == 1)
    found.write(tmp_path / "examples.parquet")
    after = Examples.read(tmp_path / "examples.parquet")
    np.testing.assert_array_equal(after.matrix, found.matrix)
    assert after.matrix.dtype == found.matrix.dtype
    assert [after.label.tolist(), after.groups.tolist()] == [found.label.tolist(), found.groups.tolist()]
    assert (after.names, after.categorical) == (["a", "b"], ["b"])
    assert purchases(tmp_path / "examples.parquet") == int(found.label.sum())
