"""What holds for the features of every shop: nothing after the cutoff is seen, equal data give equal bytes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.features.shops import (
    ITEMS,
    LINES,
    computed,
    event_table,
    promotion_table,
    table_bytes,
    tables,
    valid,
    value,
)

FUTURE = [
    ("ann", "tea", "s5", -1.0, 1, 2.0),
    ("bob", "jam", "s6", 0.0, 2, 9.0),
    ("eve", "oat", "s7", -3.0, 1, 1.0),
]
CANARIES = {
    "none": [],
    "another": [
        ("bob", "oat", "s6", 0.0, 7, 70.0),
        ("ann", "jam", "s5", -2.0, 1, 1.0),
        ("tom", "tea", "s7", -1.0, 1, 1.0),
    ],
    "in a visit that began before": [("ann", "tea", "s3", -0.01, 50, 900.0), ("ann", "jam", "s3", -0.01, 50, 900.0)],
}


def bytes_of(lines: list[tuple[str, str, str, float, int, float]], out: Path) -> dict[str, bytes]:
    return table_bytes(computed(valid(event_table(lines)), out))


@pytest.mark.parametrize("future", CANARIES.values(), ids=CANARIES.keys())
def test_nothing_from_the_cutoff_on_is_seen(
    tmp_path: Path, future: list[tuple[str, str, str, float, int, float]]
) -> None:
    assert bytes_of(LINES + FUTURE, tmp_path / "real") == bytes_of(LINES + future, tmp_path / "canary")


def test_the_last_moment_before_the_cutoff_is_seen_and_the_cutoff_itself_is_not(tmp_path: Path) -> None:
    events = event_table([*LINES, ("bob", "jam", "s8", 0.0, 1, 1.0), ("bob", "oat", "s9", 0.0, 1, 1.0)])
    events.loc[events["session_id"] == "s9", "timestamp"] -= pd.Timedelta(microseconds=1)
    pairs = tables(computed(valid(events), tmp_path))["pair"].index.tolist()
    assert ("bob", "oat") in pairs
    assert ("bob", "jam") not in pairs


def test_promotions_of_the_horizon_are_known_ahead(tmp_path: Path) -> None:
    ahead = promotion_table(("oat", "2024-03-04", "2024-03-11", "mailer", 0.9))
    found = tables(computed(valid(event_table(LINES), promotions=ahead), tmp_path))["promotion"]
    assert value(found, "oat", "item_promotion_reach_horizon") == np.float32(0.9)


def test_two_runs_give_identical_bytes(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    lines = [
        (
            f"u{rng.integers(40)}",
            str(rng.choice(["jam", "oat", "tea"])),
            f"s{n}",
            float(rng.random() * 60),
            1,
            float(rng.random()),
        )
        for n in range(2000)
    ]
    assert bytes_of(lines, tmp_path / "once") == bytes_of(lines, tmp_path / "again")


def test_given_tables_are_not_changed(tmp_path: Path) -> None:
    given = valid(event_table(LINES), promotions=promotion_table(("oat", "2024-03-04", "2024-03-11", "mailer", 0.9)))
    tables_given = [t for t in (given.events, given.items, given.promotions) if t is not None]
    before = [t.copy(deep=True) for t in tables_given]
    computed(given, tmp_path)
    for table, copy in zip(tables_given, before, strict=True):
        pd.testing.assert_frame_equal(table, copy)


def test_events_alone_give_features_of_users_items_and_pairs(tmp_path: Path) -> None:
    found = tables(computed(valid(event_table(LINES), items=None), tmp_path))
    assert set(found) == {"user", "item", "pair", "calendar"}


@pytest.mark.parametrize(
    ("columns", "groups"),
    [
        (["category_1"], {"user_category_1"}),
        (["brand"], {"user_brand"}),
        (["category_1", "category_2", "brand"], {"user_category_1", "user_category_2", "user_brand"}),
    ],
)
def test_a_shop_has_the_tastes_that_its_catalogue_speaks_of(
    tmp_path: Path, columns: list[str], groups: set[str]
) -> None:
    items = ITEMS[["item_id", "title", *columns]]
    found = set(tables(computed(valid(event_table(LINES), items), tmp_path)))
    assert found == groups | {"user", "item", "pair", "calendar"}


def test_of_many_categories_the_two_narrowest_are_tastes(tmp_path: Path) -> None:
    items = ITEMS.assign(**{f"category_{n}": "x" for n in range(3, 12)}).drop(columns="brand")
    found = tables(computed(valid(event_table(LINES), items), tmp_path))
    assert set(found) == {"user", "item", "pair", "calendar", "user_category_10", "user_category_11"}


def test_an_empty_promotions_table_is_none(tmp_path: Path) -> None:
    empty = promotion_table(("oat", "2024-03-04", "2024-03-11", "mailer", 0.9)).iloc[:0]
    assert "promotion" not in tables(computed(valid(event_table(LINES), promotions=empty), tmp_path))


def test_a_shop_that_tells_no_value_has_no_prices_and_all_else(tmp_path: Path) -> None:
    priced = tables(computed(valid(event_table(LINES)), tmp_path / "priced"))
    free = tables(computed(valid(event_table(LINES).assign(value=np.nan)), tmp_path / "free"))
    assert {name: list(t) for name, t in free.items()} == {name: list(t) for name, t in priced.items()}
    about_money = ["user_unit_price_mean", "user_session_value_mean"]
    assert free["user"][about_money].isna().all(axis=None)
    without_money = [c for c in map(str, priced["user"]) if "value" not in c and "price" not in c]
    pd.testing.assert_frame_equal(free["user"][without_money], priced["user"][without_money])


def test_string_ids_have_the_features_of_integer_ones(tmp_path: Path) -> None:
    numbers = {"ann": 1, "bob": 2, "jam": 10, "oat": 20, "tea": 30}
    events = event_table(LINES)
    renamed = events.assign(user_id=events["user_id"].map(numbers), item_id=events["item_id"].map(numbers))
    items = ITEMS.assign(item_id=ITEMS["item_id"].map(numbers))
    text = tables(computed(valid(events), tmp_path / "text"))
    integers = tables(computed(valid(renamed, items), tmp_path / "integers"))
    for name, table in text.items():
        np.testing.assert_array_equal(table.to_numpy(), integers[name].to_numpy())


def test_other_events_than_the_target_are_no_purchases(tmp_path: Path) -> None:
    views = event_table([("bob", "jam", "s9", 1.0, 1, 0.0)]).assign(event_type="view")
    both = pd.concat([event_table(LINES), views], ignore_index=True)
    assert table_bytes(computed(valid(both), tmp_path / "both")) == bytes_of(LINES, tmp_path / "bought")
