"""What newcomers are shown: chances by hand, what promotions move, and that nothing after the cutoff is seen."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.candidates.newcomers import Newcomers
from tasks.candidates.popularity import Popularity
from tasks.candidates.promoted import factors_of_promotions, reach_of_promotions
from tasks.candidates.store import load_retrieval, save_retrieval
from tasks.candidates.union import Retrieval
from tests.candidates.shops import CUTOFF, FOLD, SHOP, WEEK, Row, candidate_params, event_table, history, random_events

ITEMS = pd.DataFrame({"item_id": ["milk", "oat", "pan", "pot"], "category_1": ["food", "food", "ware", "ware"]})
ALL_THE_SAME = pd.DataFrame({"item_id": []})
STEADY: list[Row] = [
    (f"{item}-{shopper}", item, 7.0 * week + 3)
    for item, shoppers in (("milk", 60), ("pan", 50))
    for week in range(6)
    for shopper in range(shoppers * (2 if item == "pan" and week in (1, 3) else 1))
]
"""Milk sells 60 a week, pans 50, and 100 in the second and the fourth week back."""


def fitted(rows: list[Row], promoted: pd.DataFrame | None = None, **changed: Any) -> Newcomers:
    asked = candidate_params(newcomers=changed)
    return Newcomers.fit(history(event_table(rows)), ITEMS, promoted, FOLD, asked)


def by_item(rows: list[Row], chances: np.ndarray) -> dict[Any, float]:
    """As far as there are chances."""
    return dict(zip(history(event_table(rows)).items.tolist(), chances.tolist(), strict=False))


def leaflets(*weeks: int, item: str = "pan") -> pd.DataFrame:
    """In all outlets for whole weeks, counted back from the coming one, which is 0."""
    start = [CUTOFF - week * WEEK for week in weeks]
    table = pd.DataFrame({"item_id": item, "start": start, "end": [at + WEEK for at in start]})
    return table.assign(kind="leaflet", reach=1.0)


def test_what_sells_is_sales_decayed_as_shares_of_what_a_shopper_buys_in_a_week() -> None:
    """After 7 days a sale counts half: milk 0.5, pans 0.5 + 0.25. Two shoppers' weeks have 1.5 items each."""
    rows: list[Row] = [("ann", "milk", 7), ("ann", "pan", 7), ("bob", "pan", 14)]
    found = by_item(rows, fitted(rows, half_life_days=7).sells)
    assert found == pytest.approx({"milk": 0.6, "pan": 0.9})


def test_what_is_bought_again_is_a_share_smoothed_along_the_categories() -> None:
    """One of three had the same again a week later; dan did not come back, so what he had says nothing."""
    rows: list[Row] = [
        *(("ann", "milk", 10), ("ann", "milk", 3)),
        *(("bob", "milk", 10), ("bob", "pan", 3)),
        *(("cat", "pan", 10), ("cat", "milk", 3)),
        *(("dan", "milk", 10), ("dan", "oat", 10)),
    ]
    food, ware = (1 + 1 / 3) / (2 + 1), (0 + 1 / 3) / (1 + 1)
    expected = {"milk": (1 + food) / (2 + 1), "oat": food, "pan": (0 + ware) / (1 + 1)}
    assert by_item(rows, fitted(rows, smoothing=1).again) == pytest.approx(expected)


def test_where_nobody_came_twice_the_own_is_as_likely_as_for_anybody() -> None:
    found = fitted([("ann", "milk", 3), ("ann", "pan", 3), ("bob", "milk", 2)])
    assert found.again.tolist() == found.sells.tolist()
    assert found.share == 0


def test_a_list_is_what_sells_and_the_own_by_its_chance_to_be_bought_again() -> None:
    sells, again = (np.array(chances, np.float32) for chances in ([0.3, 0.2, 0.1], [0.05, 0.25, 0.1, 0.15]))
    known = Newcomers(sells, again, 0.0)
    own = np.array([0, 3])
    assert known.best(9, own, new=False).tolist() == [1, 3, 2, 0]
    assert known.best(2, own, new=False).tolist() == [1, 3]
    assert known.best(9, own, new=True).tolist() == [1, 2]
    assert known.best(2, np.empty(0, np.intp), new=False).tolist() == [0, 1]


def test_newcomers_are_counted_in_the_weeks_in_which_they_came_again() -> None:
    """Ann came again with 1 event and with 2; bob with 4; cat came once."""
    rows: list[Row] = [("ann", "milk", day) for day in (17, 10, 3)]
    rows += [("bob", item, 10) for item in ("milk", "oat", "pan", "pot")] + [("bob", "pan", 3), ("cat", "pan", 3)]
    assert fitted(rows).share == pytest.approx(2 / 3)


def test_a_promotion_that_doubled_sales_before_doubles_them_in_the_coming_week() -> None:
    off, on = (by_item(STEADY, fitted(STEADY, leaflets(*weeks)).sells) for weeks in ((2, 4), (0, 2, 4)))
    assert off["pan"] / off["milk"] == pytest.approx(50 / 60, rel=0.01)
    assert on["pan"] / on["milk"] == pytest.approx(100 / 60, rel=0.01)


def test_promotions_are_not_looked_at_where_params_say_so_and_never_those_after_the_coming_week() -> None:
    plain = fitted(STEADY).sells.tolist()
    assert fitted(STEADY, leaflets(0, 2, 4), promotions=False).sells.tolist() == plain
    assert fitted(STEADY, leaflets(-1, -2)).sells.tolist() == plain
    known = fitted(STEADY, leaflets(2, 4)).sells.tolist()
    assert fitted(STEADY, leaflets(2, 4, -1, -2)).sells.tolist() == known


def test_a_few_sales_prove_nothing_of_promotions() -> None:
    reach = np.array([0, 1, 0, 1, 0], float).reshape(5, 1, 1)
    many, few = (factors_of_promotions(reach, sales * np.array([[2], [1], [2], [1]], float)) for sales in (1000, 1))
    assert many[:, 0].tolist() == pytest.approx([1, 2, 1, 2, 1], rel=0.01)
    assert 1 < few[1, 0] < 1.5


def test_the_reach_of_promotions_is_a_mean_over_the_weeks_time_and_no_more_than_all() -> None:
    half = leaflets(0).assign(end=CUTOFF + WEEK / 2, reach=0.5)
    twice = pd.concat([leaflets(1), leaflets(1).assign(start=CUTOFF - 2 * WEEK), leaflets(0, item="nobody's")])
    found = reach_of_promotions(pd.concat([half, twice]), np.array(["oat", "pan"]), FOLD.cutoff, WEEK, 3)
    assert found[:, :, 0].tolist() == [[0, 0.25], [0, 1], [0, 1], [0, 0]]


def test_nothing_that_happens_after_the_cutoff_changes_what_newcomers_get(tmp_path: Path) -> None:
    """A canary: the future buys one item only, again and again, and promotes it later."""
    past = random_events()
    future = event_table([(user, 107, -day - 0.5) for user in range(40) for day in range(7)])
    after = leaflets(-1, -2, item="107").assign(item_id=107)
    found = []
    for events, promotions in ((past, None), (pd.concat([past, future]), after)):
        of = Retrieval.to_serve(events, ALL_THE_SAME, promotions, FOLD, candidate_params(), SHOP)
        save_retrieval(of, tmp_path)
        assert load_retrieval(tmp_path).newcomers.arrays().keys() == {"sells", "again", "share"}
        found.append({name: array.tolist() for name, array in load_retrieval(tmp_path).newcomers.arrays().items()})
    assert found[0] == found[1]


def popularity(promoted: pd.DataFrame | None, **changed: Any) -> Popularity:
    asked = {"days": 91, "half_life_days": 21, "promotions": True} | changed
    return Popularity.fit(history(event_table(STEADY)), candidate_params(popularity=asked).popularity, promoted, FOLD)


def test_popularity_aimed_at_the_coming_week_is_what_newcomers_are_told_sells() -> None:
    coming, over = popularity(leaflets(0, 2, 4)).sessions, popularity(leaflets(2, 4)).sessions
    for promoted, found in ((leaflets(0, 2, 4), coming), (leaflets(2, 4), over)):
        sells = fitted(STEADY, promoted, half_life_days=21).sells
        np.testing.assert_allclose(found / found.sum(), sells / sells.sum(), rtol=1e-5)
    assert by_item(STEADY, coming)["pan"] > 1.5 * by_item(STEADY, over)["pan"], (
        "pans sell twice as well when a leaflet shows them"
    )


def test_popularity_knows_nothing_of_promotions_unless_asked_to_and_nothing_of_those_after_the_horizon() -> None:
    plain = popularity(None).sessions.tolist()
    assert popularity(leaflets(0, 2, 4), promotions=False).sessions.tolist() == plain
    assert popularity(leaflets(2, 4, -1, -2)).sessions.tolist() == popularity(leaflets(2, 4)).sessions.tolist()
