"""A suite that names a column which cannot be there checks nothing: it is told so, and what was meant."""

from typing import Any

import pandas as pd
import pytest

from tasks.errors import BrokenCheckError, DataContractError
from tasks.ingestion.validation import Validation
from tasks.schema import TableName
from tests.ingestion.conftest import check, status, suite_file

PRESENT = "expect_column_values_to_not_be_null"
EXISTS = "expect_column_to_exist"


@pytest.fixture
def users() -> pd.DataFrame:
    return pd.DataFrame({"user_id": range(10), "loyalty": "gold"})


def about(column: str, kind: str = PRESENT) -> dict[str, Any]:
    return {"type": kind, "kwargs": {"column": column}, "meta": {"rule": "odd", "says": "something odd"}}


def why(done: Validation) -> str:
    return next(entry.why for entry in done.quality.checks if entry.expectation.rule == "odd")


@pytest.mark.parametrize("kind", [PRESENT, EXISTS])
@pytest.mark.parametrize(
    ("column", "meant"),
    [("quantiti", "; is it 'quantity'?"), ("item_in_catalog", "; is it 'item_in_catalogue'?"), ("price", "")],
)
def test_a_column_that_no_events_table_has_is_the_suites_fault(tmp_path, events, column, meant, kind):
    done = check(suite_file(tmp_path / "suites", about(column, kind)), events)
    assert status(done, "odd") == "broken"
    assert why(done) == f"the suite names the column '{column}', which no events table has{meant}"
    assert isinstance(done.quality.error(), BrokenCheckError)


@pytest.mark.parametrize("rows", [400, 0])
def test_one_mistyped_column_of_two_is_enough_whatever_the_data_is(tmp_path, events, rows):
    both = {"kwargs": {"column_list": ["user_id", "itemid"]}}
    expectation = about("", "expect_compound_columns_to_be_unique") | both
    done = check(suite_file(tmp_path / "suites", expectation), events.head(rows))
    assert status(done, "odd") == "broken"
    assert "'itemid', which no events table has; is it 'item_id'?" in why(done)


@pytest.mark.parametrize(("table", "column"), [("events", "rating"), ("items", "category_9"), ("users", "consent")])
def test_a_column_of_the_contract_that_the_shop_lacks_is_nobodys_fault(tmp_path, events, items, users, table, column):
    done = check(suite_file(tmp_path / "suites", about(column), table=table), events, items, users=users)
    assert status(done, "odd", table) == "not applicable"
    assert why(done) == f"the shop's {table} have no {column}"


@pytest.mark.parametrize(
    ("table", "column", "meant"), [("users", "loyalti", "loyalty"), ("items", "categroy_1", "category_1")]
)
def test_users_and_items_may_have_any_column_but_then_they_have_it(
    tmp_path, events, items, users, table: TableName, column, meant
):
    done = check(suite_file(tmp_path / "suites", about(column), table=table), events, items, users=users)
    assert status(done, "odd", table) == "broken"
    assert why(done) == (
        f"the suite names the column '{column}', which the shop's {table} do not have: export it, or remove the check;"
        f" is it '{meant}'?"
    )
    done = check(suite_file(tmp_path / "suites", about(meant), table=table), events, items, users=users)
    assert status(done, "odd", table) == "passed"


def test_that_users_have_an_attribute_may_be_demanded(tmp_path, events, users):
    suites = suite_file(tmp_path / "suites", about("loyalty", EXISTS), table="users")
    done = check(suites, events, users=users.drop(columns="loyalty"))
    assert status(done, "odd", "users") == "failed"
    assert isinstance(done.quality.error(), DataContractError)
