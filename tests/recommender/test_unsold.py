"""Items that nobody bought, by what the catalogue says of them: known answers."""

import numpy as np
import pandas as pd
import pytest

from tasks.candidates.newcomers import Newcomers
from tasks.candidates.union import Retrieval
from tasks.recommender.unsold import SMOOTHING, Unsold
from tests.candidates.shops import Row, event_table, history

CATALOGUE = pd.DataFrame(
    [
        ("jam", "food", "acme"),
        ("tea", "food", "bolt"),
        ("saw", "tools", "bolt"),
        ("new jam", "food", "acme"),
        ("new saw", "tools", "bolt"),
        ("new hat", "hats", "acme"),
        ("new thing", None, None),
    ],
    columns=["item_id", "category_1", "brand"],
)
BOUGHT: list[Row] = [*(("ann", "jam", day) for day in range(1, 31)), *(("bob", "saw", day) for day in range(1, 31))]
BOUGHT += [("cat", "tea", 1)]


def unsold(catalogue: pd.DataFrame = CATALOGUE) -> tuple[Unsold, Retrieval]:
    of = history(event_table(BOUGHT))
    nobody = Newcomers.by_buyers(of.n_universe, len(of.items))
    state = Retrieval(of.users, of.items, of.n_universe, of.owned(), {}, nobody)
    return Unsold.of(state, catalogue), state


def lists(users: list[str], k: int = 10, catalogue: pd.DataFrame = CATALOGUE) -> pd.DataFrame:
    found, state = unsold(catalogue)
    return found.best(np.array(users), state.positions(users), k)


def test_everybody_gets_new_things_of_the_kind_and_the_brand_that_they_buy() -> None:
    found = lists(["ann", "bob"], 2)
    assert found.groupby("user_id")["item_id"].first().to_dict() == {"ann": "new jam", "bob": "new saw"}
    assert found["rank"].tolist() == [1, 2, 1, 2]
    assert found.groupby("user_id")["score"].is_monotonic_decreasing.all()


def test_what_was_sold_is_not_among_them_and_what_is_like_nothing_sold_comes_last() -> None:
    found = lists(["ann"])
    assert found["item_id"].tolist() == ["new jam", "new saw", "new hat", "new thing"]
    assert found["score"].tolist()[2:] == [0, 0]


def test_the_taste_for_a_category_is_divided_among_its_items_and_that_for_a_brand_is_against_everybodys() -> None:
    """Of 61 events 31 were food, of two items, and 30 of the brand acme; ann had 30 of each, bob none."""
    score = lists(["ann", "bob"]).set_index(["user_id", "item_id"])["score"]
    food, acme = 31 / 61, 30 / 61
    of_ann = (30 + SMOOTHING * food) / (30 + SMOOTHING) / 2 * (30 + SMOOTHING * acme) / (30 + SMOOTHING) / acme
    of_bob = SMOOTHING * food / (30 + SMOOTHING) / 2 * SMOOTHING / (30 + SMOOTHING)
    assert score["ann", "new jam"] == pytest.approx(of_ann)
    assert score["bob", "new jam"] == pytest.approx(of_bob)


def test_a_shopper_whom_nobody_knows_has_everybodys_taste() -> None:
    score = lists(["nobody"]).set_index("item_id")["score"]
    assert score["new jam"] == pytest.approx(31 / 61 / 2)
    assert score["new saw"] == pytest.approx(30 / 61)


def test_without_a_brand_the_category_decides_and_without_both_all_are_alike() -> None:
    assert lists(["ann"], 1, CATALOGUE.drop(columns="brand"))["item_id"].tolist() == ["new jam"]
    assert lists(["ann"], 9, CATALOGUE[["item_id"]])["score"].tolist() == [1.0] * 4


def test_a_shopper_alone_gets_the_list_of_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    together = lists(["ann", "bob", "nobody", "cat"])
    monkeypatch.setattr("tasks.recommender.unsold._ROWS", 5)
    pd.testing.assert_frame_equal(lists(["ann", "bob", "nobody", "cat"]), together)


def test_where_all_was_sold_there_is_nothing_to_rank() -> None:
    found = lists(["ann"], 3, CATALOGUE[:3])
    assert found.empty
    assert list(found) == ["user_id", "rank", "item_id", "score"]
    assert lists([]).empty
