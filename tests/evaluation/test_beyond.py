"""Coverage, Gini, novelty and diversity by hand."""

import numpy as np
import pandas as pd
import pytest

from tasks.evaluation.beyond import coverage, diversity, gini, item_surprise, novelty
from tasks.features.levels import category_levels

ALL_FOUR = np.ones(4, dtype=bool)


def test_coverage_counts_distinct_catalogue_items_within_k() -> None:
    lists = np.array([[0, 1, 2], [0, 2, -1]])
    assert coverage(lists, 1, ALL_FOUR) == 1 / 4
    assert coverage(lists, 3, ALL_FOUR) == 3 / 4
    assert coverage(lists, 3, np.array([True, True, False, False])) == 1


def test_gini_is_0_where_all_are_shown_alike_and_1_less_1_over_n_where_one_takes_all() -> None:
    assert gini(np.array([[0, 1], [2, 3]]), 2, ALL_FOUR) == pytest.approx(0)
    assert gini(np.array([[0], [0], [0]]), 1, ALL_FOUR) == pytest.approx(1 - 1 / 4)
    two = np.ones(2, dtype=bool)
    assert gini(np.array([[0, 1], [0, -1]]), 2, two) == pytest.approx(2 * (1 * 1 + 2 * 2) / (2 * 3) - 3 / 2)


def test_novelty_is_the_mean_number_of_bits_and_an_unsold_item_counts_as_sold_once() -> None:
    surprise = item_surprise(pd.DataFrame({"buyers": [8, 4, 1, 0]}), n_users=8)
    assert surprise.tolist() == [0, 1, 3, 3]
    assert novelty(np.array([[0, 1], [2, -1]]), 2, surprise).tolist() == [0.5, 3]
    assert np.isnan(novelty(np.array([[-1, -1]]), 2, surprise)).all()


def test_diversity_counts_the_levels_that_pairs_share() -> None:
    items = pd.DataFrame({"category_1": ["food", "food", "food", "drinks"], "category_2": ["a", "a", "b", "a"]})
    levels = category_levels(items)
    pairs = {(0, 1): 0, (0, 2): 1 / 2, (0, 3): 1}  # the same shelf; the same department; "a" of another department
    for pair, distance in pairs.items():
        assert diversity(np.array([pair]), 2, levels)[0] == distance
    assert diversity(np.array([[0, 1, 2, 3]]), 4, levels)[0] == pytest.approx((0 + 1 / 2 + 1 / 2 + 1 + 1 + 1) / 6)


def test_unknown_categories_are_alike_to_none_and_a_list_of_one_has_no_diversity() -> None:
    levels = category_levels(pd.DataFrame({"category_1": [None, None, "x"]}))
    found = diversity(np.array([[0, 1], [2, -1]]), 2, levels)
    assert found[0] == 1
    assert np.isnan(found[1])
    assert np.isnan(diversity(np.array([[0, 1]]), 2, [])).all()
