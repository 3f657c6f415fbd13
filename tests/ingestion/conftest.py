"""A shop of ten shoppers, six items and two event types, whose data keeps every expectation."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tasks.ingestion.suites import Suite, load_suites
from tasks.ingestion.validation import Validation, validate
from tasks.params.shop import ShopParams
from tasks.params.source import CleanParams
from tasks.schema import TableName
from tests.ingestion.databases import DAYS, ROWS, VARIABLE, make_orders, run_sql
from tests.postgres import Postgres

PROJECT = Path(__file__).parents[2]
SHOP = ShopParams(time_zone="Europe/Berlin")
KEEP_ALL = CleanParams()
AS_OF = "2024-03-01T00:00:00+00:00"
EVENTS_PER_SHOPPER = 40


@pytest.fixture
def events() -> pd.DataFrame:
    """400 events, a quarter of them purchases, hourly, the last one two hours before `AS_OF`."""
    count = 10 * EVENTS_PER_SHOPPER
    number = pd.RangeIndex(count).to_series()
    return pd.DataFrame(
        {
            "user_id": number % 10,
            "item_id": 100 + number % 6,
            "event_type": (number % 4 == 0).map({True: "purchase", False: "view"}).astype("str"),
            "timestamp": pd.date_range(end="2024-02-29T22:00Z", periods=count, freq="h", unit="us"),
            "session_id": number // 4,
            "quantity": 1,
            "value": 2.5,
        }
    )


@pytest.fixture
def items() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "item_id": range(100, 106),
            "title": [f"Item {n}" for n in range(6)],
            "category_1": ["FOOD", "FOOD", "FOOD", "FUEL", "FOOD", "FOOD"],
            "price": 2.5,
        }
    )


@pytest.fixture(scope="session")
def suites() -> dict[TableName, Suite]:
    """Those that the project ships."""
    return load_suites(PROJECT / "expectations")


def manifest(previous: dict[str, Any] | None = None, as_of: str = AS_OF) -> dict[str, Any]:
    return {"source": "test", "as_of": as_of, "rows": {}, "previous": previous}


def check(
    suites: dict[TableName, Suite],
    events: pd.DataFrame,
    items: pd.DataFrame | None = None,
    *,
    params: CleanParams = KEEP_ALL,
    previous: dict[str, Any] | None = None,
    users: pd.DataFrame | None = None,
) -> Validation:
    tables: dict[TableName, pd.DataFrame] = {"events": events}
    if items is not None:
        tables["items"] = items
    if users is not None:
        tables["users"] = users
    return validate(tables, manifest(previous), suites, SHOP, params)


def status(done: Validation, rule: str, table: str = "events") -> str:
    return next(c.status for c in done.quality.checks if c.table == table and c.expectation.rule == rule)


def suite_file(folder: Path, *expectations: dict[str, Any], table: TableName = "events") -> dict[TableName, Suite]:
    """The one suite of `table`, and an empty one of events beside it."""
    folder.mkdir(exist_ok=True)
    for name, entries in {"events": [], table: list(expectations)}.items():
        (folder / f"raw_{name}.json").write_text(json.dumps({"name": f"raw_{name}", "expectations": entries}))
    return load_suites(folder)


@pytest.fixture(scope="module")
def database(postgres: Postgres, request: pytest.FixtureRequest) -> str:
    return postgres.new_database(request.module.__name__)


@pytest.fixture
def orders(database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database with nothing but `ROWS` orders, which the environment names."""
    run_sql(database, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    make_orders(database, ROWS, DAYS)
    monkeypatch.setenv(VARIABLE, database)
    return database
