"""Weeks that are alike raise no alarm; each kind of change is seen, and named by the measure that it is of."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from tasks.monitoring.data import look_at_data
from tasks.monitoring.found import Found
from tasks.params.monitoring import MonitoringParams
from tests.monitoring.shops import END, ITEMS, KNOWN, USERS, WEEK, Happening, behaviour

PARAMS = MonitoringParams()
SHOPS = 15


def found(seed: int, happens: Happening | None = None, params: MonitoringParams = PARAMS) -> dict[str, Found]:
    return {of.measure: of for of in look_at_data(behaviour(seed, happens), END, KNOWN, WEEK, params)}


def alarms(seed: int, happens: Happening | None = None, params: MonitoringParams = PARAMS) -> set[str]:
    return {name for name, of in found(seed, happens, params).items() if of.is_breach}


def test_weeks_of_one_law_raise_no_alarm() -> None:
    """The promise is one in n + 1 a measure, n past weeks: 11 here. Floors and spread make it rarer by far."""
    wrong = Counter(name for seed in range(SHOPS) for name in alarms(seed))
    assert sum(wrong.values()) <= 1, wrong


def test_without_floors_and_spread_a_measure_alarms_no_more_often_than_its_rank_allows() -> None:
    """The largest of 12 alike is the newest once in 12 times: of 15 shops 1.25; more than 5 has a chance of 0.1 %."""
    bare = {"floors": {"mix": 0, "shape": 0, "share": 0, "number": 0}, "times": 1e-9, "chance": 0.999}
    params = MonitoringParams.model_validate(bare)
    wrong = Counter(name for seed in range(SHOPS) for name in alarms(seed, params=params))
    assert max(wrong.values(), default=0) <= 5, wrong


def more_views(week: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return week.assign(event_type=np.where(rng.random(len(week)) < 0.5, "view", week["event_type"]))


def another_section(week: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Half of what was bought is now of section 4."""
    instead = rng.choice(np.arange(4, ITEMS, 5), len(week))
    return week.assign(item_id=np.where(rng.random(len(week)) < 0.5, instead, week["item_id"]))


def a_hit(week: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """An item that hardly anybody bought."""
    return week.assign(item_id=np.where(rng.random(len(week)) < 0.3, ITEMS - 1, week["item_id"]))


def strangers(week: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """A tenth of the users have other ids."""
    moved = rng.random(USERS) < 0.1
    return week.assign(user_id=week["user_id"] + np.where(moved[week["user_id"]], USERS, 0))


def novelties(week: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    moved = rng.random(ITEMS) < 0.2
    return week.assign(item_id=week["item_id"] + np.where(moved[week["item_id"]], ITEMS, 0))


def half_stay_away(week: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    return week[week["user_id"] % 2 == 0]


def everything_twice(week: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    return pd.concat([week, week.assign(timestamp=week["timestamp"] + pd.Timedelta(microseconds=1))])


def in_cents(week: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    return week.assign(value=100 * week["value"])


@pytest.mark.parametrize(
    ("happens", "named"),
    [
        (more_views, "event mix"),
        (another_section, "category mix"),
        (a_hit, "item popularity"),
        (strangers, "new users"),
        (novelties, "new items"),
        (half_stay_away, "active users"),
        (everything_twice, "events per user"),
        (in_cents, "price"),
    ],
)
def test_a_change_is_seen_and_named(happens: Happening, named: str) -> None:
    for seed in range(3):
        assert named in alarms(seed, happens)


def test_prices_alone_alarm_nothing_else() -> None:
    assert alarms(0, in_cents) == {"price"}


def test_an_alarm_says_from_what_to_what() -> None:
    assert found(0, in_cents)["price"].says.startswith("median 2")
    assert found(0, another_section)["category mix"].says.startswith("section 4 13.7% to 56.0%, ")


def test_with_too_little_past_there_is_no_alarm_and_it_says_why() -> None:
    params = PARAMS.model_copy(update={"least_past": 12})
    price = found(0, in_cents, params)["price"]
    assert (price.status, price.bound) == ("not judged", None)
    assert price.says.endswith("no alarm: 11 past weeks are known, and it takes 12")


def test_what_chance_explains_is_no_alarm() -> None:
    """Of some fifty lines any mix is far from any other."""

    def hardly_anybody(week: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
        return week[week["user_id"] < 10]

    assert alarms(1, hardly_anybody) & {"event mix", "category mix", "item popularity", "price"} == set()
    assert "active users" in alarms(1, hardly_anybody)


def test_a_change_before_the_champion_was_made_is_what_it_knows() -> None:
    """The broken week is the last of the champion's own, and the one after it is as broken."""
    shop = behaviour(2, in_cents)
    later = {of.measure: of.status for of in look_at_data(shop, END, END, WEEK, PARAMS)}
    assert later["price"] == "breach"
    known = {of.measure: of.status for of in look_at_data(shop, KNOWN, KNOWN, WEEK, PARAMS)}
    assert known["price"] == "within"
