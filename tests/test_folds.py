"""Folds are cut at the shop's midnights, leave no moment out, and say what is missing when they cannot be cut."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import DataContractError
from tasks.folds import Fold, labels, make_folds, newest_folds, targets
from tasks.params.ranker import FoldParams
from tasks.params.shop import ShopParams
from tasks.schema import Task

BERLIN = ShopParams(time_zone="Europe/Berlin")
UTC_SHOP = ShopParams(time_zone="UTC")
WEEKLY = FoldParams(horizon_days=7, train=2)
CUTOFF = datetime(2024, 3, 8, tzinfo=UTC)
FOLD = Fold("test", CUTOFF, timedelta(days=7))


def purchases(*rows: tuple[object, object, str]) -> pd.DataFrame:
    """user, item and instant of each."""
    found = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])
    return found.assign(timestamp=pd.to_datetime(found["timestamp"], utc=True, format="ISO8601"), event_type="purchase")


def daily(first: str, last: str, at: str = "12:00", user: int = 1) -> pd.DataFrame:
    days = pd.date_range(first, last, freq="D")
    return purchases(*((user, 5, f"{day:%Y-%m-%d}T{at}Z") for day in days))


def cutoffs(folds: list[Fold]) -> dict[str, str]:
    return {fold.name: f"{fold.cutoff:%Y-%m-%dT%H:%M}" for fold in folds}


def test_folds_are_cut_at_utc_midnights_a_week_apart() -> None:
    folds = make_folds(daily("2024-01-01", "2024-02-15"), WEEKLY, UTC_SHOP)
    assert cutoffs(folds) == {
        "train-2": "2024-01-19T00:00",
        "train-1": "2024-01-26T00:00",
        "validation": "2024-02-02T00:00",
        "test": "2024-02-09T00:00",
        "serve": "2024-02-16T00:00",
    }
    assert [fold.kind for fold in folds] == ["train", "train", "validation", "test", "serve"]


def test_folds_are_cut_at_the_shops_own_midnight() -> None:
    """23:30 UTC on February 15 is February 16 in Berlin; so that day ends at 23:00 UTC on the 16th."""
    folds = make_folds(daily("2024-01-01", "2024-02-15", at="23:30"), WEEKLY, BERLIN)
    assert cutoffs(folds)["serve"] == "2024-02-16T23:00"


def test_an_event_at_midnight_belongs_to_the_day_that_begins() -> None:
    folds = make_folds(daily("2024-01-01", "2024-02-15", at="00:00"), WEEKLY, UTC_SHOP)
    assert cutoffs(folds)["serve"] == "2024-02-16T00:00"


def test_in_the_week_when_the_clocks_change_every_fold_still_begins_at_midnight() -> None:
    """Berlin went from UTC+1 to UTC+2 on March 31, 2024."""
    folds = make_folds(daily("2024-03-01", "2024-04-06"), WEEKLY, BERLIN)
    assert cutoffs(folds) == {
        "train-2": "2024-03-09T23:00",
        "train-1": "2024-03-16T23:00",
        "validation": "2024-03-23T23:00",
        "test": "2024-03-30T23:00",
        "serve": "2024-04-06T22:00",
    }
    assert {f.name: f.horizon / timedelta(hours=1) for f in folds}["test"] == 7 * 24 - 1


def test_a_week_with_a_day_of_25_hours_has_no_hour_without_labels() -> None:
    """Berlin went back to UTC+1 on October 27, 2024: the week from October 21 on has 169 hours."""
    folds = make_folds(daily("2024-09-01", "2024-10-27"), WEEKLY, BERLIN)
    test = next(f for f in folds if f.name == "test")
    assert test.horizon == timedelta(hours=169)
    last_hour = purchases((1, 5, "2024-09-01T00:00Z"), (1, 5, "2024-10-27T22:30Z"))
    assert len(labels(last_hour, test, BERLIN, "all")) == 1


def test_a_day_whose_midnight_the_clocks_skip_begins_at_its_first_moment() -> None:
    """In São Paulo, November 4, 2018 began at 01:00, which was 03:00 UTC."""
    shop = ShopParams(time_zone="America/Sao_Paulo")
    folds = make_folds(daily("2018-09-01", "2018-11-03"), WEEKLY, shop)
    assert cutoffs(folds)["serve"] == "2018-11-04T03:00"


@settings(max_examples=40, deadline=None)
@given(
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe"]),
    minute=st.integers(0, 366 * 24 * 60),
    days=st.integers(1, 15),
    train=st.integers(1, 5),
    back=st.lists(st.integers(0, 120 * 24 * 60), max_size=30),
)
def test_windows_partition_the_events_after_the_first_cutoff(
    zone: str, minute: int, days: int, train: int, back: list[int]
) -> None:
    """Each event from the first cutoff on is in the window of exactly one fold, and none in that of the serve fold."""
    last = pd.Timestamp("2018-06-01", tz="UTC") + pd.Timedelta(minutes=minute)
    at = pd.Series([*pd.date_range(end=last, periods=800, freq="6h"), *(last - pd.Timedelta(minutes=m) for m in back)])
    events = pd.DataFrame({"user_id": 1, "item_id": 5, "timestamp": at, "event_type": "purchase"})
    folds = make_folds(events, FoldParams(horizon_days=days, train=train), ShopParams(time_zone=zone))
    inside = pd.concat([(at >= fold.cutoff) & (at < fold.end) for fold in folds], axis=1)
    assert (inside.sum(axis=1) == (at >= folds[0].cutoff).astype(int)).all()
    assert (at < folds[-1].cutoff).all()
    assert all(before.end == after.cutoff for before, after in zip(folds, folds[1:], strict=False))


PAST = [(1, 10, "2024-03-01T12:00Z"), (2, 20, "2024-03-07T23:59:59.999999Z")]


@pytest.mark.parametrize(
    ("bought", "task", "expected"),
    [
        ((1, 10, "2024-03-08T00:00Z"), "all", [(1, 10)]),  # a window begins with its cutoff
        ((1, 10, "2024-03-15T00:00Z"), "all", []),  # and ends before the next
        ((1, 10, "2024-03-14T23:59Z"), "new", []),  # bought before
        ((1, 20, "2024-03-09T00:00Z"), "all", [(1, 20)]),
        ((1, 20, "2024-03-09T00:00Z"), "new", [(1, 20)]),  # known to the shop, new to the shopper
        ((3, 10, "2024-03-09T00:00Z"), "all", []),  # a shopper whom nobody knew
        ((1, 30, "2024-03-09T00:00Z"), "all", []),  # an item that nobody knew
    ],
)
def test_labels_of_one_purchase(bought: tuple[int, int, str], task: Task, expected: list[tuple[int, int]]) -> None:
    found = labels(purchases(*PAST, bought), FOLD, UTC_SHOP, task)
    assert list(found.itertuples(index=False, name=None)) == expected


def test_labels_are_pairs_once_and_sorted() -> None:
    after = [(2, 10, "2024-03-10T08:00Z"), (1, 20, "2024-03-09T08:00Z"), (2, 10, "2024-03-09T08:00Z")]
    found = labels(purchases(*PAST, *after), FOLD, UTC_SHOP, "all")
    assert list(found.itertuples(index=False, name=None)) == [(1, 20), (2, 10)]


def test_only_target_events_are_labels_and_only_they_make_a_shopper_known() -> None:
    events = purchases(*PAST, (3, 10, "2024-03-01T12:00Z"), (1, 20, "2024-03-09T08:00Z"), (3, 10, "2024-03-09T08:00Z"))
    viewed = events.assign(event_type=["purchase", "purchase", "view", "view", "purchase"])
    assert labels(viewed, FOLD, UTC_SHOP, "all").empty
    assert len(targets(viewed, UTC_SHOP)) == 3
    assert len(targets(viewed, ShopParams(time_zone="UTC", target_event="view"))) == 2


def test_string_ids_have_labels_too() -> None:
    events = purchases(("ann", "tea", "2024-03-01T12:00Z"), ("ann", "tea", "2024-03-09T08:00Z"))
    assert labels(events, FOLD, UTC_SHOP, "all").to_dict("records") == [{"user_id": "ann", "item_id": "tea"}]
    assert labels(events, FOLD, UTC_SHOP, "new").empty


def test_no_events_is_an_error_that_names_where_to_look() -> None:
    with pytest.raises(DataContractError, match="no events are left after validation; see the data quality page"):
        make_folds(daily("2024-01-01", "2024-02-15").iloc[:0], WEEKLY, UTC_SHOP)


def test_no_target_event_is_an_error_that_names_the_types_there_are() -> None:
    events = daily("2024-01-01", "2024-02-15").assign(event_type="view")
    with pytest.raises(DataContractError, match=r"no event of type 'purchase'.*types \['view'\].*shop\.target_event"):
        make_folds(events, WEEKLY, UTC_SHOP)


def test_events_of_one_week_are_an_error_that_names_the_fold_the_days_and_the_cure() -> None:
    with pytest.raises(DataContractError) as error:
        make_folds(daily("2024-01-01", "2024-01-07"), WEEKLY, UTC_SHOP)
    assert str(error.value) == (
        "fold 'train-2' has no 'purchase' events before its cutoff 2023-12-11: they cover 2024-01-01 to 2024-01-07;"
        " lower folds.train or folds.horizon_days, or ingest more days"
    )


@pytest.mark.parametrize(("nobody_back", "fold"), [("2024-02-09", "test"), ("2024-02-02", "validation")])
def test_a_week_in_which_no_shopper_came_back_is_an_error_that_names_it(nobody_back: str, fold: str) -> None:
    """In that week, and in it alone, every shopper is a new one."""
    week = pd.date_range(nobody_back, periods=7, freq="D").strftime("%Y-%m-%d")
    events = daily("2024-01-01", "2024-02-15")
    day = events["timestamp"].dt.strftime("%Y-%m-%d")
    events["user_id"] = events["user_id"].where(~day.isin(week), 100 + events.index)
    with pytest.raises(DataContractError, match=rf"fold '{fold}' \({nobody_back} to .*no shopper who came back"):
        make_folds(events, WEEKLY, UTC_SHOP)


def test_the_newest_folds_are_those_of_a_retrain_and_need_no_shopper_who_came_back() -> None:
    events = daily("2024-01-01", "2024-02-15")
    assert list(newest_folds(events, WEEKLY, UTC_SHOP)) == make_folds(events, WEEKLY, UTC_SHOP)[-2:]
    test, serve = newest_folds(daily("2024-02-15", "2024-02-15"), WEEKLY, UTC_SHOP)
    assert cutoffs([test, serve]) == {"test": "2024-02-09T00:00", "serve": "2024-02-16T00:00"}
