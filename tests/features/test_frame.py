"""Candidates with their features: rows in their order, 32-bit floats, gaps as NaN."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.features.frame import FeatureTables, Frame, category_codes
from tests.features.shops import ITEMS, LINES, computed, event_table, promotion_table, valid

PROMOTIONS = promotion_table(("oat", "2024-03-04", "2024-03-11", "mailer", 0.9))
CANDIDATES = pd.DataFrame(
    {
        "user_id": ["bob", "ann", "ann", "eve", "ann"],
        "item_id": ["jam", "oat", "tea", "tea", "new"],
        "als_score": np.array([0.5, 0.1, 0.2, 0.3, 0], np.float32),
        "als_rank": np.array([1, 2, 1, 1, np.nan], np.float32),
    }
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return computed(valid(event_table(LINES), promotions=PROMOTIONS), tmp_path_factory.mktemp("features"))


@pytest.fixture(scope="module")
def feature_tables(folder: Path) -> FeatureTables:
    return FeatureTables(folder, ITEMS, category_codes(ITEMS))


@pytest.fixture(scope="module")
def frame(feature_tables: FeatureTables) -> Frame:
    return feature_tables.frame(CANDIDATES)


def column(frame: Frame, name: str) -> list[float]:
    return frame.matrix[:, frame.names.index(name)].tolist()


def test_rows_stay_in_the_order_of_the_candidates(frame: Frame) -> None:
    assert frame.keys.to_numpy().tolist() == CANDIDATES[["user_id", "item_id"]].to_numpy().tolist()
    np.testing.assert_array_equal(column(frame, "als_score"), CANDIDATES["als_score"])
    np.testing.assert_array_equal(column(frame, "als_rank"), CANDIDATES["als_rank"])


def test_any_other_order_gives_the_same_rows_in_that_order(feature_tables: FeatureTables, frame: Frame) -> None:
    turned = feature_tables.frame(CANDIDATES.iloc[::-1])
    np.testing.assert_array_equal(turned.matrix[::-1], frame.matrix)


def test_thousands_of_rows_keep_their_order(feature_tables: FeatureTables) -> None:
    """More than an engine holds in one piece."""
    many = CANDIDATES.iloc[np.random.default_rng(1).integers(0, 4, 20_000)].reset_index(drop=True)
    found = feature_tables.frame(many)
    np.testing.assert_array_equal(column(found, "als_score"), many["als_score"])
    bought = {("ann", "oat"): 1.0, ("ann", "tea"): 3.0}
    expected = [bought.get(pair, np.nan) for pair in many[["user_id", "item_id"]].itertuples(index=False, name=None)]
    np.testing.assert_array_equal(column(found, "pair_sessions_all"), expected)


def test_the_matrix_is_32_bit_floats_with_a_column_a_name(frame: Frame) -> None:
    assert frame.matrix.dtype == np.float32
    assert frame.matrix.shape == (len(CANDIDATES), len(frame.names))
    assert len(set(frame.names)) == len(frame.names)


def test_what_is_not_known_is_missing(frame: Frame) -> None:
    np.testing.assert_array_equal(column(frame, "pair_sessions_all"), [np.nan, 1, 3, np.nan, np.nan])
    np.testing.assert_array_equal(column(frame, "user_sessions_all"), [1, 3, 3, np.nan, 3])
    np.testing.assert_array_equal(column(frame, "item_sessions_all"), [1, 1, 4, 4, np.nan])
    np.testing.assert_array_equal(
        column(frame, "item_promotion_reach_horizon"), np.array([np.nan, 0.9, np.nan, np.nan, np.nan], np.float32)
    )


def test_tastes_are_those_for_the_candidates_own_category(frame: Frame) -> None:
    """Bob never bought anything dry, such as jam; ann did twice, such as oat."""
    np.testing.assert_array_equal(column(frame, "user_category_2_sessions_all"), [np.nan, 2, 3, np.nan, np.nan])


@pytest.mark.parametrize(
    ("name", "ann_and_oat"),
    [
        ("pair_session_share", 1 / 3),
        ("pair_category_2_share", 1 / 2),
        ("user_category_2_session_share", 2 / 3),
        ("pair_price_ratio", 3 / 3),
    ],
)
def test_features_of_several_groups_together(frame: Frame, name: str, ann_and_oat: float) -> None:
    assert column(frame, name)[1] == pytest.approx(ann_and_oat)


def test_categories_are_codes_and_one_that_nobody_learned_is_missing(folder: Path) -> None:
    """The codes are those that a ranker learned, on a shop that had nothing dry yet."""
    codes = {"category_1": {"food": 0}, "category_2": {"cold": 0, "hot": 1}}
    found = FeatureTables(folder, ITEMS, codes).frame(CANDIDATES)
    assert found.categorical == ["category_1_code", "category_2_code"]
    np.testing.assert_array_equal(column(found, "category_2_code"), [np.nan, np.nan, 1, 1, np.nan])


def test_codes_are_those_of_the_two_widest_categories_by_name() -> None:
    deep = ITEMS.assign(category_3="x", category_2=pd.Series(["dry", None, "hot"], dtype="str"))
    assert category_codes(deep) == {"category_1": {"food": 0}, "category_2": {"(none)": 0, "dry": 1, "hot": 2}}


def test_no_candidates_give_no_rows_and_all_columns(feature_tables: FeatureTables, frame: Frame) -> None:
    empty = feature_tables.frame(CANDIDATES.iloc[:0].astype({"user_id": object, "item_id": object}))
    assert empty.matrix.shape == (0, len(frame.names))
    assert empty.names == frame.names


def test_a_shop_without_a_catalogue_has_a_frame_without_categories(tmp_path: Path) -> None:
    given = valid(event_table(LINES), items=None)
    found = FeatureTables(computed(given, tmp_path), given.items, category_codes(given.items)).frame(CANDIDATES)
    assert found.categorical == []
    assert "pair_session_share" in found.names


def test_the_candidates_are_not_changed(feature_tables: FeatureTables) -> None:
    before = CANDIDATES.copy(deep=True)
    feature_tables.frame(CANDIDATES)
    pd.testing.assert_frame_equal(CANDIDATES, before)


def test_integer_ids_join_as_well(tmp_path: Path) -> None:
    events = event_table([(1, 10, "s1", 2.0, 1, 1.0), (2, 10, "s2", 3.0, 1, 1.0)])
    given = valid(events, items=None)
    candidates = pd.DataFrame({"user_id": [2, 1, 3], "item_id": [10, 11, 10]})
    found = FeatureTables(computed(given, tmp_path), given.items, {}).frame(candidates)
    np.testing.assert_array_equal(column(found, "pair_recency_days"), [3, np.nan, np.nan])


def test_threads_that_begin_at_once_share_the_tables(feature_tables: FeatureTables, frame: Frame) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: feature_tables.frame(CANDIDATES), range(16)))
    assert all(np.array_equal(of.matrix, frame.matrix, equal_nan=True) for of in found)
