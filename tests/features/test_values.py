"""Features of a tiny shop against what a person works out from its six receipts' lines."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.features.compute import compute_features
from tasks.params.shop import ShopParams
from tests.features.shops import FOLD, LINES, PARAMS, computed, event_table, promotion_table, tables, valid, value

PROMOTIONS = promotion_table(
    ("tea", "2024-02-28", "2024-03-02", "display", 0.5),  # before the cutoff, and on into the horizon
    ("tea", "2024-03-07", "2024-03-14", "mailer", 0.8),  # its last day is the horizon's
    ("oat", "2024-03-08", "2024-03-15", "mailer", 0.9),  # begins when the horizon is over
    ("jam", "2024-02-01", "2024-02-23", "mailer", 0.7),  # was over a week before the cutoff
)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    given = valid(event_table(LINES), promotions=PROMOTIONS)
    return tables(computed(given, tmp_path_factory.mktemp("features")))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("user_lines_all", 5),
        ("user_items_all", 3),
        ("user_sessions_all", 3),
        ("user_recency_days", 2),
        ("user_tenure_days", 32),
        ("user_gap_days_mean", (32 - 2) / 2),
        ("user_session_lines_mean", 5 / 3),
        ("user_session_value_mean", (7 + 3 + 7) / 3),
        ("user_unit_price_mean", (2 + 3 + 3 + 2 + 5) / 5),
        ("user_weekend_share", 1 / 5),
        ("user_sessions_7d", 1),
        ("user_sessions_28d", 2),
        ("user_value_7d", 7),
        ("user_value_28d", 10),
        ("user_new_items_share_28d", 1 / 2),  # tea and oat, of which oat is new
        ("user_repeat_share", 1 / 3),
    ],
)
def test_ann(found: dict[str, pd.DataFrame], name: str, expected: float) -> None:
    assert value(found["user"], "ann", name) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("item_sessions_all", 4),
        ("item_sessions_7d", 2),
        ("item_sessions_28d", 3),
        ("item_buyers_all", 2),
        ("item_buyers_7d", 2),
        ("item_recency_days", 2),
        ("item_age_days", 32),
        ("item_unit_price_28d", (2 + 3 + 2) / 3),
        ("item_price_change_7d", 2 / ((2 + 3 + 2) / 3)),
        ("item_trend_7d_28d", (2 / 7) / (3 / 28)),
        ("item_repeat_share", 1 / 2),
        ("item_gap_days_mean", (32 - 2) / 2),
    ],
)
def test_tea(found: dict[str, pd.DataFrame], name: str, expected: float) -> None:
    assert value(found["item"], "tea", name) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pair_sessions_all", 3),
        ("pair_sessions_7d", 1),
        ("pair_sessions_28d", 2),
        ("pair_recency_days", 2),
        ("pair_first_days", 32),
        ("pair_gap_days_mean", 15),
        ("pair_due_ratio", 2 / 15),
        ("pair_decayed_hl10d", 0.5**0.2 + 0.5**1.2 + 0.5**3.2),
        ("pair_quantity_mean", 4 / 3),
        ("pair_unit_price_mean", (2 + 3 + 2) / 3),
    ],
)
def test_ann_and_tea(found: dict[str, pd.DataFrame], name: str, expected: float) -> None:
    assert value(found["pair"], ("ann", "tea"), name) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("group", "key", "name", "expected"),
    [
        ("user_category_2", ("ann", "dry"), "user_category_2_sessions_all", 2),  # oat in one visit, jam in another
        ("user_category_2", ("ann", "dry"), "user_category_2_recency_days", 2),
        ("user_category_2", ("ann", "dry"), "user_category_2_gap_days_mean", 30),
        ("user_category_2", ("ann", "dry"), "user_category_2_due_ratio", 2 / 30),
        ("user_category_2", ("ann", "dry"), "user_category_2_decayed_hl10d", 0.5**0.2 + 0.5**3.2),
        ("user_category_1", ("ann", "food"), "user_category_1_sessions_all", 3),  # two of it in one visit are one
        ("user_brand", ("ann", "acme"), "user_brand_sessions_all", 3),
        ("user_brand", ("ann", "(none)"), "user_brand_recency_days", 32),
    ],
)
def test_anns_tastes(
    found: dict[str, pd.DataFrame], group: str, key: tuple[str, str], name: str, expected: float
) -> None:
    assert value(found[group], key, name) == pytest.approx(expected)


def test_the_weekend_share_of_an_item(found: dict[str, pd.DataFrame]) -> None:
    assert value(found["calendar"], "tea", "item_weekend_share") == pytest.approx(2 / 4)


def test_the_season_is_that_of_a_year_ago(tmp_path: Path) -> None:
    """Ages in days. Tea sold once on the horizon's days of last year, jam just before them; oat is too young."""
    ages = {"tea": [370.0, 360.0, 100.0, 10.0], "jam": [370.0, 364.5, 100.0], "oat": [360.0, 10.0]}
    lines = [("ann", item, f"s{age}", age, 1, 1.0) for item, days in ages.items() for age in days]
    found = tables(computed(valid(event_table(lines)), tmp_path))["calendar"]["item_season_ratio_364d"]
    assert found["tea"] == pytest.approx(1 / 7 / (3 / 364))
    assert found["jam"] == 0
    assert np.isnan(found["oat"])


def test_promotions_can_be_left_unread(tmp_path: Path) -> None:
    given = valid(event_table(LINES), promotions=PROMOTIONS)
    assert "promotion" not in tables(computed(given, tmp_path, PARAMS.model_copy(update={"promotions": False})))


def test_promotions_count_where_they_touch_the_horizon_and_the_days_before(found: dict[str, pd.DataFrame]) -> None:
    tea = found["promotion"].loc["tea"].to_dict()
    assert tea == pytest.approx(
        {
            "item_promotion_reach_horizon": 0.8,
            "item_promotion_reach_before": 0.5,
            "item_promotion_kinds_horizon": 2,
            "item_promotion_reach_sum_horizon": 1.3,
        }
    )
    assert found["promotion"].index.tolist() == ["tea"]


@pytest.mark.parametrize(
    ("group", "key", "name"),
    [
        ("user", "bob", "user_gap_days_mean"),
        ("pair", ("bob", "tea"), "pair_gap_days_mean"),
        ("pair", ("bob", "tea"), "pair_due_ratio"),
        ("item", "oat", "item_gap_days_mean"),
        ("item", "jam", "item_unit_price_28d"),
    ],
)
def test_what_one_purchase_cannot_tell_is_missing(
    found: dict[str, pd.DataFrame], group: str, key: Any, name: str
) -> None:
    assert np.isnan(value(found[group], key, name))


def test_every_feature_is_a_32_bit_float_of_a_name_of_its_own(found: dict[str, pd.DataFrame]) -> None:
    names = [name for table in found.values() for name in table]
    assert len(names) == len(set(names))
    assert {str(kind) for table in found.values() for kind in table.dtypes} == {"float32"}


def test_what_stands_twice_on_one_receipt_is_one_line(tmp_path: Path) -> None:
    names = ["pair_sessions_all", "pair_quantity_mean", "pair_unit_price_mean"]
    twice = [*LINES, ("bob", "tea", "s4", 5.0, 3, 10.0)]
    found = tables(computed(valid(event_table(twice)), tmp_path))
    assert [value(found["pair"], ("bob", "tea"), name) for name in names] == [1, 4, 3]


def test_the_weekend_is_that_of_the_shops_own_calendar(tmp_path: Path) -> None:
    """Sunday 22:00 UTC is Sunday in London and Monday in Tokyo."""
    events = event_table([("ann", "tea", "s", 4 + 2 / 24, 1, 1.0)])
    shares = []
    for zone in ("Europe/London", "Asia/Tokyo"):
        compute_features(valid(events), [FOLD], PARAMS, ShopParams(time_zone=zone), tmp_path / zone[:4])
        shares.append(value(tables(tmp_path / zone[:4] / "test")["user"], "ann", "user_weekend_share"))
    assert shares == [1, 0]
