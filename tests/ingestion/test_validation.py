"""What is kept, what is set aside, what stops, and what a check that cannot run is called."""

import json

import pandas as pd
import pytest

from tasks.errors import BrokenCheckError, DataContractError
from tasks.ingestion.suites import Suite, load_suites
from tasks.params.source import CleanParams
from tasks.schema import TableName
from tests.ingestion.conftest import PROJECT, check, status, suite_file


def test_good_data_is_kept_to_the_last_row(suites, events, items):
    done = check(suites, events, items)
    assert done.quality.verdict == "accepted"
    assert len(done.tables["events"]) == len(events)
    assert all(rows.empty for rows in done.quarantine.values())


def test_every_row_is_kept_or_in_quarantine_with_rule_and_reason(suites, events, items):
    events.loc[[0, 1], "item_id"] = 999
    events.loc[2, "event_type"] = "teleport"
    events.loc[4, "quantity"] = 0
    done = check(suites, events, items, params=CleanParams(exclude={"category_1": ["FUEL"]}))
    kept, aside = done.tables["events"], done.quarantine["events"]
    assert len(kept) + len(aside) == len(events)
    rules = aside["rule"].value_counts().to_dict()
    fuel = (events["item_id"] == 103).sum()
    assert rules == {
        "excluded_category_1": fuel,
        "item_in_catalogue": 2,
        "known_event_type": 1,
        "impossible_quantity": 1,
    }
    assert aside["reason"].notna().all()
    assert set(events.columns) < set(aside.columns)
    assert sum(r.rows for r in done.quality.removals if r.table == "events") == len(aside)


def test_breaches_beyond_mostly_stop_and_every_one_is_named(suites, events):
    events.loc[:39, "event_type"] = "teleport"
    events.loc[40:79, "user_id"] = pd.NA
    error = check(suites, events).quality.error()
    assert isinstance(error, DataContractError)
    text = str(error)
    assert "events.known_event_type" in text and "events.user_id_present" in text
    assert "40 of 400 rows (10.00%)" in text and "teleport (40x)" in text


def test_refused_data_gives_no_tables(suites, events):
    done = check(suites, events.assign(event_type="teleport"))
    assert done.quality.verdict == "refused"
    assert not done.tables and not done.quarantine


def test_two_equal_events_become_one(suites, events):
    done = check(suites, pd.concat([events, events.head(3)], ignore_index=True))
    assert len(done.tables["events"]) == len(events)
    assert done.quarantine["events"]["rule"].tolist() == ["no_duplicates"] * 3


def test_many_equal_events_stop(suites, events):
    done = check(suites, pd.concat([events, events.head(100)], ignore_index=True))
    assert status(done, "no_duplicates") == "failed"


def test_a_user_who_stands_twice_in_the_users_table_stops(suites, events):
    users = pd.DataFrame({"user_id": [0, 1, 1], "age": ["20", "30", "40"]})
    done = check(suites, events, users=users)
    assert isinstance(done.quality.error(), DataContractError)
    assert "users.user_id_unique" in str(done.quality.error()) and "1 (1x)" in str(done.quality.error())


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("timestamp", pd.Timestamp("2031-01-01", tz="UTC"), "timestamp_in_range"),
        ("timestamp", pd.Timestamp("1970-01-01", tz="UTC"), "timestamp_in_range"),
        ("value", -3.0, "value_in_range"),
        ("quantity", -1, "quantity_in_range"),
        ("item_id", 999, "item_in_catalogue"),
    ],
)
def test_one_bad_row_is_set_aside(suites, events, items, column, value, rule):
    events.loc[7, column] = value
    done = check(suites, events, items)
    assert status(done, rule) == "quarantined"
    assert done.quarantine["events"]["rule"].tolist() == [rule]


def test_a_return_may_be_negative(suites, events):
    events.loc[7, ["event_type", "quantity", "value"]] = ["return", -1, -2.5]
    assert check(suites, events).quarantine["events"].empty


@pytest.mark.parametrize(
    ("column", "rule"), [("user_id", "has_user_id"), ("item_id", "has_item_id"), ("timestamp", "has_timestamp")]
)
def test_a_missing_column_stops(suites, events, column, rule):
    done = check(suites, events.drop(columns=column))
    assert status(done, rule) == "failed"
    assert done.quality.verdict == "refused"


def test_a_column_of_the_wrong_type_stops(suites, events):
    local = events.assign(timestamp=events["timestamp"].dt.tz_localize(None))
    done = check(suites, local)
    assert status(done, "timestamp_kind") == "failed"


def test_no_events_at_all_stop(suites, events):
    done = check(suites, events.head(0))
    assert status(done, "has_rows") == "failed"
    assert status(done, "known_event_type") == "not applicable"


def test_a_shop_without_the_target_event_is_told_so(suites, events):
    error = check(suites, events.assign(event_type="view")).quality.error()
    assert "shop.target_event" in str(error)


def test_old_data_stops(suites, events):
    events["timestamp"] -= pd.Timedelta(days=60)
    done = check(suites, events)
    assert status(done, "freshness") == "failed"
    assert "source.as_of" in str(done.quality.error())


def test_the_first_run_compares_with_nothing_and_says_so(suites, events):
    done = check(suites, events)
    assert status(done, "volume") == status(done, "event_mix") == "not applicable"


def test_half_the_volume_or_another_event_mix_stops_the_second_run(suites, events):
    first = check(suites, events).quality.profile
    assert check(suites, events, previous=first).quality.verdict == "accepted"
    assert status(check(suites, events.tail(150), previous=first), "volume") == "failed"
    all_bought = check(suites, events.assign(event_type="purchase"), previous=first)
    assert status(all_bought, "event_mix") == "failed"
    assert status(all_bought, "volume") == "passed"


def test_a_new_rare_event_type_is_no_shift(suites, events):
    first = check(suites, events).quality.profile
    events.loc[1, "event_type"] = "search"
    assert status(check(suites, events, previous=first), "event_mix") == "passed"


def test_without_a_catalogue_or_a_price_their_checks_do_not_apply(suites, events, items):
    assert status(check(suites, events), "item_in_catalogue") == "not applicable"
    assert status(check(suites, events, items.drop(columns="price")), "price_in_range", "items") == "not applicable"
    off = check(suites, events.assign(item_id=1), items, params=CleanParams(require_catalogue=False))
    assert status(off, "item_in_catalogue") == "not applicable"
    assert len(off.tables["events"]) == len(events)


def test_a_warning_is_told_and_nothing_stops_or_goes(suites, events, items):
    items["title"] = pd.Series([pd.NA] * 5 + ["last"], dtype="str")
    done = check(suites, events, items)
    assert status(done, "title_present", "items") == "warning"
    assert len(done.tables["items"]) == len(items)


def test_ids_with_gaps_are_whole_again_once_the_gaps_are_set_aside(suites, events, items):
    events["user_id"], events["item_id"] = events["user_id"].astype("Int64"), events["item_id"].astype("Int64")
    events.loc[5, "user_id"] = pd.NA
    events.loc[9:108, "event_type"], events.loc[9:108, "item_id"] = "search", pd.NA
    done = check(suites, events, items)
    assert done.quality.error() is None, "searches need no item, and one unknown user is few"
    assert done.tables["events"]["user_id"].dtype == done.tables["events"]["item_id"].dtype == "int64"
    assert done.quarantine["events"]["rule"].value_counts().to_dict() == {"without_item": 100, "user_id_present": 1}


def test_text_ids_work_as_integers_do(suites, events, items):
    events["user_id"] = "u" + events["user_id"].astype("str")
    events["item_id"], items["item_id"] = "i" + events["item_id"].astype("str"), "i" + items["item_id"].astype("str")
    assert len(check(suites, events, items).tables["events"]) == len(events)


def test_five_items_and_one_event_type_are_a_shop(suites, events):
    events = events.assign(event_type="purchase", item_id=events["item_id"] % 5)
    assert len(check(suites, events).tables["events"]) == len(events)


def test_a_table_without_a_suite_is_cleaned_all_the_same(suites, events, items):
    only_events: dict[TableName, Suite] = {"events": suites["events"]}
    items["reason"] = "a column that the quarantine has too"
    done = check(only_events, events, items, params=CleanParams(exclude={"category_1": ["FUEL"]}))
    assert done.quarantine["items"]["reason"].tolist() == ["no merchandise: category_1 is FUEL"]
    assert len(done.tables["items"]) == 5


def test_inputs_stay_as_they_were(suites, events, items):
    before = events.copy(), items.copy()
    events.loc[4, "quantity"] = 0
    before[0].loc[4, "quantity"] = 0
    check(suites, events, items, params=CleanParams(exclude={"category_1": ["FUEL"]}))
    pd.testing.assert_frame_equal(events, before[0])
    pd.testing.assert_frame_equal(items, before[1])


@pytest.mark.parametrize(
    "expectation",
    [
        {"type": "expect_column_values_to_be_lovely", "kwargs": {"column": "user_id"}},
        {"type": "expect_column_values_to_be_between", "kwargs": {"column": "event_type", "min_value": 3}},
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "value", "min_value": "$oops", "mostly": 7},
        },
        {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": {"$PARAMETER": "yesterday"}}},
    ],
    ids=["unknown type", "text compared with a number", "impossible mostly", "unknown parameter"],
)
def test_a_check_that_cannot_run_is_neither_passed_nor_bad_data(tmp_path, events, expectation):
    rule = {"meta": {"rule": "odd", "says": "something odd"}}
    done = check(suite_file(tmp_path / "suites", expectation | rule), events)
    assert status(done, "odd") == "broken"
    assert done.quality.verdict == "unknown"
    assert isinstance(done.quality.error(), BrokenCheckError)
    assert "events.odd" in str(done.quality.error())


@pytest.mark.parametrize("content", ["{", "[]", '{"expectations": [{"kwargs": {}}]}'])
def test_a_suite_that_cannot_be_read_is_a_broken_check(tmp_path, content):
    (tmp_path / "raw_events.json").write_text(content)
    with pytest.raises(BrokenCheckError, match="raw_events.json"):
        load_suites(tmp_path)


def test_no_suite_at_all_is_a_broken_check(tmp_path):
    with pytest.raises(BrokenCheckError, match="does not exist"):
        load_suites(tmp_path)


def test_every_shipped_expectation_has_its_own_sentence():
    for path in (PROJECT / "expectations").glob("raw_*.json"):
        entries = json.loads(path.read_text())["expectations"]
        says = [entry["meta"]["says"] for entry in entries]
        assert len(set(says)) == len(entries)
