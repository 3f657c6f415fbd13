"""Rules that together take every event, or every one to learn from, are told before anything is replaced."""

import pandas as pd
import pytest

from tasks.errors import DataContractError
from tasks.ingestion.page import render_page
from tasks.params.source import CleanParams
from tests.ingestion.conftest import check, suite_file

STAYS = "the last good data stays as it is"


def told(quality) -> list[str]:
    error = quality.error()
    assert isinstance(error, DataContractError)
    return str(error).splitlines()


def test_an_exclusion_of_all_merchandise_names_itself_and_every_other_rule(suites, events, items):
    """Item 103 is fuel, which nobody purchased: it was viewed."""
    events.loc[[0, 1, 2], "item_id"] = 999
    everything = CleanParams(exclude={"category_1": ["FOOD"], "title": ["Item 3"]})
    done = check(suites, events, items, params=everything)
    fuel, bought = events["item_id"] == 103, events["event_type"] == "purchase"
    food = ~fuel & (events["item_id"] != 999)
    assert told(done.quality) == [
        "none of 400 events is left to learn from; removed were",
        f"  {food.sum()} events, {(food & bought).sum()} of type 'purchase', by excluded_category_1: look at"
        " clean.exclude.category_1",
        f"  {fuel.sum()} events, {(fuel & bought).sum()} of type 'purchase', by excluded_title: look at"
        " clean.exclude.title",
        "  3 events, 1 of type 'purchase', by item_in_catalogue: export the whole catalogue, or set"
        " clean.require_catalogue: false to keep events of unknown items",
        STAYS,
    ]
    assert done.quality.verdict == "refused"
    assert not done.tables and not done.quarantine and not done.quality.kept
    assert sum(removal.rows for removal in done.quality.removals if removal.table == "events") == 400


@pytest.mark.parametrize(
    ("column", "value", "rule", "param"),
    [
        ("quantity", 0, "impossible_quantity", "source.tables.events.columns.quantity"),
        ("quantity", 5, "too_large_quantity", "clean.max_quantity"),
    ],
)
def test_where_only_purchases_are_gone_the_rest_is_nothing_to_learn_from(suites, events, column, value, rule, param):
    bought = events["event_type"] == "purchase"
    events[column] = events[column].mask(bought, value)
    done = check(suites, events, params=CleanParams(max_quantity=4))
    assert told(done.quality) == [
        "none of 100 events of type 'purchase' (shop.target_event) is left to learn from; removed were",
        f"  100 events, 100 of type 'purchase', by {rule}: look at {param}",
        STAYS,
    ]


def test_searches_without_an_item_and_values_below_zero_are_told_too(tmp_path, events):
    events = events.assign(value=-1.0, item_id=events["item_id"].astype("Int64"))
    views = events["event_type"] == "view"
    events.loc[views, "item_id"] = pd.NA
    done = check(suite_file(tmp_path / "suites"), events)
    assert told(done.quality)[1:] == [
        "  300 events, 0 of type 'purchase', by without_item: look at source.tables.events.columns.item_id",
        "  100 events, 100 of type 'purchase', by impossible_value: look at source.tables.events.columns.value",
        STAYS,
    ]


def test_a_rule_of_a_suite_without_a_cure_is_found_in_its_file(tmp_path, events):
    no_purchase = {
        "type": "expect_column_values_to_be_in_set",
        "kwargs": {"column": "event_type", "value_set": ["view"], "mostly": 0.1},
        "meta": {"rule": "views_only", "says": "all are views"},
    }
    done = check(suite_file(tmp_path / "suites", no_purchase), events)
    assert told(done.quality)[1] == (
        "  100 events, 100 of type 'purchase', by views_only: look at expectations/raw_events.json"
    )


def test_where_the_target_event_never_occurred_its_name_is_in_doubt(tmp_path, events):
    """The shipped suite says so first; a shop may have taken that check away."""
    done = check(suite_file(tmp_path / "suites"), events.assign(event_type="view"))
    assert told(done.quality)[0] == (
        "there are no events of type 'purchase' (shop.target_event): look at shop.target_event and"
        " source.tables.events.event_types"
    )


def test_one_purchase_is_something(suites, events):
    bought = (events["event_type"] == "purchase") & (events.index > 0)
    done = check(suites, events.assign(quantity=events["quantity"].mask(bought, 0)))
    assert done.quality.error() is None
    assert (done.tables["events"]["event_type"] == "purchase").sum() == 1


def test_the_page_says_it_and_promises_no_quarantine(suites, events):
    page = render_page(check(suites, events.assign(quantity=0), params=CleanParams(max_quantity=-1)).quality)
    assert "No event to learn from is left" in page and "look at clean.max_quantity" in page
    assert "data/quarantine" not in page
