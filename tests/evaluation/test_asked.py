"""Whose lists are judged where more bought something than are asked."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from tasks.evaluation.asked import Asked, who_is_asked
from tasks.folds import Fold, labels
from tasks.params.shop import ShopParams
from tasks.schema import TASKS, Task

SHOP = ShopParams(time_zone="UTC")
CUTOFF = datetime(2024, 3, 8, tzinfo=UTC)
WEEK = Fold("test", CUTOFF, timedelta(days=7))
USERS = [f"u{number:02}" for number in range(40)]


@pytest.fixture(scope="module")
def events() -> pd.DataFrame:
    """All 40 come back for tea; the last two also buy a nut for the first time, and one is new to the shop."""
    past = pd.DataFrame({"user_id": [*USERS, "other"], "item_id": [*["tea"] * 40, "nut"]})
    week = pd.DataFrame({"user_id": [*USERS, *USERS[-2:], "new"], "item_id": [*["tea"] * 40, "nut", "nut", "tea"]})
    both = pd.concat([past.assign(timestamp=CUTOFF - timedelta(days=1)), week.assign(timestamp=CUTOFF)])
    return both.assign(event_type="purchase")


def asked(events: pd.DataFrame, most: int | None, seed: int = 7) -> dict[Task, Asked]:
    return who_is_asked(events, WEEK, SHOP, most, seed)


@pytest.mark.parametrize("most", [None, 40, 10_000])
def test_where_no_more_came_back_all_are_asked(events: pd.DataFrame, most: int | None) -> None:
    found = asked(events, most)
    for task in TASKS:
        pd.testing.assert_frame_equal(found[task].pairs, labels(events, WEEK, SHOP, task))
    assert {task: of.drawn_from for task, of in found.items()} == {"all": 40, "new": 2}


def test_of_each_who_is_asked_everything_that_was_bought_counts(events: pd.DataFrame) -> None:
    pairs, every = asked(events, 10)["all"].pairs, labels(events, WEEK, SHOP, "all")
    assert pairs["user_id"].nunique() == 10
    pd.testing.assert_frame_equal(pairs, every[every["user_id"].isin(pairs["user_id"])].reset_index(drop=True))


def test_few_who_buy_new_items_are_all_asked_among_many_who_do_not(events: pd.DataFrame) -> None:
    found = asked(events, 10)
    assert found["new"].pairs["user_id"].tolist() == USERS[-2:]
    assert (found["all"].drawn_from, found["new"].drawn_from) == (40, 2)


def test_who_is_asked_is_the_seeds_choice_and_a_larger_sample_holds_the_smaller(events: pd.DataFrame) -> None:
    few, again, more, other = (
        set(asked(events, most, seed)["all"].pairs["user_id"]) for most, seed in ((10, 7), (10, 7), (20, 7), (10, 8))
    )
    assert few == again
    assert few < more
    assert few != other


def test_any_shopper_is_as_likely_as_any_other(events: pd.DataFrame) -> None:
    """Of 400 draws of 10 of 40 each is in 100, give or take five standard deviations of 8.7."""
    drawn = pd.concat([asked(events, 10, seed)["all"].pairs["user_id"].drop_duplicates() for seed in range(400)])
    times = drawn.value_counts().reindex(USERS, fill_value=0)
    assert np.abs(times - 100).max() < 5 * np.sqrt(400 * 0.25 * 0.75)


def test_a_week_in_which_nobody_came_back_asks_nobody(events: pd.DataFrame) -> None:
    later = Fold("test", CUTOFF + timedelta(days=7), timedelta(days=7))
    found = who_is_asked(events, later, SHOP, 10, 7)
    assert [(len(of.pairs), of.drawn_from) for of in found.values()] == [(0, 0), (0, 0)]
