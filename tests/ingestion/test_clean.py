import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import ParamsError
from tasks.ingestion.clean import clean
from tasks.params.source import CleanParams
from tests.ingestion.conftest import KEEP_ALL, SHOP


def test_items_of_an_excluded_category_go_with_their_events(events, items):
    done = clean(events, items, CleanParams(exclude={"category_1": ["FUEL"]}), SHOP)
    assert done.items is not None
    assert 103 not in set(done.items["item_id"]) and 103 not in set(done.events["item_id"])
    assert len(done.events) == (events["item_id"] != 103).sum()
    assert set(done.removed_events["reason"]) == {"no merchandise: category_1 is FUEL"}


def test_only_target_events_need_a_quantity(events):
    """Row 0 is a purchase, row 1 a view."""
    events.loc[[0, 1], "quantity"] = 0
    done = clean(events, None, KEEP_ALL, SHOP)
    assert done.removed_events["rule"].to_dict() == {0: "impossible_quantity"}


def test_a_search_without_an_item_goes(events):
    events["item_id"] = events["item_id"].astype("Int64")
    events.loc[1, "event_type"], events.loc[1, "item_id"] = "search", pd.NA
    done = clean(events, None, KEEP_ALL, SHOP)
    assert done.removed_events["reason"].to_dict() == {1: "an event without an item: search"}


def test_a_row_that_breaks_several_rules_counts_once_by_the_first(events, items):
    """Row 3 is of item 103, which is fuel; make it a purchase of nothing for less than nothing."""
    events.loc[3, ["event_type", "quantity", "value"]] = ["purchase", 0, -1.0]
    done = clean(events, items, CleanParams(exclude={"category_1": ["FUEL"]}), SHOP)
    assert done.removed_events.loc[3, "rule"] == "excluded_category_1"
    assert done.removed_events.index.is_unique


def test_a_wholesale_line_goes_where_a_bound_is_set(events):
    events.loc[0, "quantity"] = 5000
    assert len(clean(events, None, KEEP_ALL, SHOP).events) == len(events)
    done = clean(events, None, CleanParams(max_quantity=1000), SHOP)
    assert done.removed_events["rule"].to_dict() == {0: "too_large_quantity"}


def test_without_sessions_a_shoppers_local_day_is_one(events):
    """Berlin is an hour ahead of UTC in winter: 22:30 UTC is the same day there, 23:30 UTC the next."""
    events = events.head(3).assign(
        user_id=7,
        session_id=pd.Series([pd.NA] * 3, dtype="str"),
        timestamp=pd.to_datetime(["2024-01-01T10:00Z", "2024-01-01T22:30Z", "2024-01-01T23:30Z"]),
    )
    done = clean(events, None, KEEP_ALL, SHOP)
    assert done.events["session_id"].tolist() == ["7@2024-01-01", "7@2024-01-01", "7@2024-01-02"]
    assert "3 events had no session" in done.notes[0]


def test_without_a_quantity_one_is_taken(events):
    done = clean(events.assign(quantity=float("nan")), None, KEEP_ALL, SHOP)
    assert (done.events["quantity"] == 1).all()
    assert len(done.events) == len(events)


def test_an_exclusion_that_matches_nothing_is_told(events, items):
    done = clean(events, items, CleanParams(exclude={"category_1": ["FUELL"]}), SHOP)
    assert done.notes == ("clean.exclude.category_1 names values that no item has: FUELL",)


@pytest.mark.parametrize("with_items", [True, False])
def test_an_exclusion_of_a_column_that_is_not_there_is_a_params_error(events, items, with_items):
    with pytest.raises(ParamsError, match="clean.exclude"):
        clean(events, items if with_items else None, CleanParams(exclude={"department": ["FUEL"]}), SHOP)


LINE = st.fixed_dictionaries(
    {
        "user_id": st.integers(1, 3),
        "item_id": st.integers(100, 106),
        "event_type": st.sampled_from(["purchase", "view", "return"]),
        "quantity": st.one_of(st.integers(-2, 5), st.none()),
        "value": st.one_of(st.floats(-5, 50), st.none()),
    }
)


@given(st.lists(LINE, max_size=30))
def test_every_line_is_kept_or_removed_and_what_is_kept_is_possible(lines):
    """Item 103 is fuel."""
    events = pd.DataFrame(lines, columns=["user_id", "item_id", "event_type", "quantity", "value"])
    events = events.astype({"quantity": "float64", "value": "float64", "event_type": "str", "item_id": "int64"})
    events = events.assign(timestamp=pd.Timestamp("2024-01-01T10:00Z"), session_id=1)
    items = pd.DataFrame({"item_id": [100, 103], "category_1": ["FOOD", "FUEL"]})
    done = clean(events, items, CleanParams(exclude={"category_1": ["FUEL"]}), SHOP)
    assert sorted([*done.events.index, *done.removed_events.index]) == list(events.index)
    bought = done.events[done.events["event_type"] == "purchase"]
    assert (bought["quantity"] > 0).all() and not (bought["value"] < 0).any()
    assert 103 not in set(done.events["item_id"])
