"""A shop's database as a source: all of it lands, once, whatever comes late, twice, or is cut short."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tasks.errors import DataContractError, ParamsError
from tasks.ingestion.storage import read_table, read_tables, write_table
from tests.ingestion.databases import (
    COLUMNS,
    DAY,
    END,
    EVERY,
    FIRST,
    ORDERS,
    ROWS,
    VARIABLE,
    bytes_of,
    events_in,
    events_of,
    land,
    make_orders,
    manifest_of,
    run_sql,
    start_landing,
)
from tests.postgres import Postgres

OTHER_TABLES = (
    "CREATE TABLE clicks (who text, what text, at timestamp, kind text)",
    "INSERT INTO clicks VALUES ('K-1', 'x-1', '2024-01-05 12:00', 'seen'), (NULL, '7', NULL, 'bot')",
    "CREATE TABLE goods AS SELECT n AS sku, 'Article' AS name, n * 0.5 AS price FROM generate_series(0, 498) n",
    """CREATE TABLE people AS
    SELECT 'K-' || n AS customer, CASE WHEN n > 900 THEN n % 80 END AS age, n % 2 = 0 AS member,
        date '2020-01-01' + n AS joined, '0' || n AS zip,
        CASE WHEN n < 400 THEN 2.0 ELSE 0.5 END AS score, NULL AS nothing
    FROM generate_series(0, 996) n""",
    "CREATE TABLE offers AS SELECT 7 AS item_id, date '2024-01-08' AS start, date '2024-01-15' AS end",
)


def add(address: str, number: int, when: datetime, pieces: int = 1) -> None:
    values = "(:id, 'K-1', 7, 1, :pieces, 5.00, :at)"
    columns = "(id, customer, sku, receipt, pieces, paid, bought_at)"
    run_sql(address, f"INSERT INTO orders {columns} VALUES {values}", id=number, pieces=pieces, at=when)


@pytest.mark.usefixtures("orders")
def test_all_events_land_with_the_databases_types(tmp_path: Path) -> None:
    changed, written = land(tmp_path, events_of(), END)
    assert changed
    assert written.rows == {"events": ROWS}
    landed = events_in(tmp_path)
    assert landed.dtypes.astype(str).to_dict() == {
        "user_id": "str",
        "item_id": "int64",
        "event_type": "str",
        "timestamp": "datetime64[us, UTC]",
        "session_id": "int64",
        "quantity": "int64",
        "value": "float64",
    }
    assert landed["timestamp"].is_monotonic_increasing
    n = pd.RangeIndex(ROWS).to_series()
    assert landed["user_id"].tolist() == [f"K-{k}" for k in n % 997]
    assert landed["item_id"].tolist() == (n * 31 % 499).tolist()
    assert landed["value"].tolist() == (n % 900 / 100 + 0.99).round(2).tolist()
    assert (landed["timestamp"] == pd.Timestamp(FIRST) + n * EVERY).all()


@pytest.mark.parametrize("chunk_rows", [1, 7, 100_000])
@pytest.mark.usefixtures("orders")
def test_chunks_make_no_difference(tmp_path: Path, chunk_rows: int) -> None:
    few = f"{ORDERS} WHERE id < 20"
    for root, rows in ((tmp_path / "a", chunk_rows), (tmp_path / "b", 50)):
        land(root, events_of(few), END, chunk_rows=rows)
    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")


def test_day_by_day_is_all_at_once_byte_by_byte(orders: str, tmp_path: Path) -> None:
    """With late events among them: each comes into the database some days after it happened."""
    late_days = 3
    arrived = (
        f"{ORDERS} WHERE bought_at + (id % {late_days}) * interval '1 day' < current_setting('shop.now')::timestamptz"
    )
    for day in (10, 11, 12, 15, 16, 30):
        now = FIRST + day * DAY
        run_sql(orders, f"ALTER DATABASE \"{orders.rpartition('/')[2]}\" SET shop.now = '{now.isoformat()}'")
        land(tmp_path / "daily", events_of(arrived), now, late_days=late_days, chunk_rows=500)
        land(tmp_path / "once", events_of(arrived), now, incremental=False)
        assert bytes_of(tmp_path / "daily") == bytes_of(tmp_path / "once")
    assert len(events_in(tmp_path / "daily")) > ROWS * 0.9


def test_only_what_is_new_is_asked_for(orders: str, tmp_path: Path) -> None:
    """What the overlap does not reach is not read again: it stays, though it is gone from the database."""
    land(tmp_path, events_of(), END - DAY, late_days=2)
    run_sql(orders, "DELETE FROM orders WHERE bought_at < :before", before=FIRST + 10 * DAY)
    changed, written = land(tmp_path, events_of(), END, late_days=2)
    assert changed
    assert written.rows == {"events": ROWS}
    assert written.told == f", events since {END - DAY - EVERY - 2 * DAY:%Y-%m-%d %H:%M} UTC"


def test_a_late_event_and_copies_land_once(orders: str, tmp_path: Path) -> None:
    land(tmp_path, events_of(), END - DAY)
    before = len(events_in(tmp_path))
    when = END - 3 * DAY
    for _ in range(3):
        add(orders, ROWS, when, pieces=4)
    for as_of in (END - DAY, END, END):
        land(tmp_path, events_of(), as_of)
        landed = events_in(tmp_path)
        assert ((landed["quantity"] == 4) & (landed["timestamp"] == when)).sum() == 1
    assert len(landed) == ROWS + 1 > before


def test_a_key_tells_two_equal_events_from_one_that_was_sent_twice(orders: str, tmp_path: Path) -> None:
    for number in (ROWS, ROWS, ROWS + 1, None, None):
        add(orders, number, END - DAY, pieces=4)  # type: ignore[arg-type]
    land(tmp_path, events_of(key=["id"]), END)
    assert len(events_in(tmp_path)) == ROWS + 2 + 1, "what has no key is told by all its columns"


def test_what_the_overlap_no_longer_has_is_gone(orders: str, tmp_path: Path) -> None:
    land(tmp_path, events_of(), END)
    run_sql(orders, "DELETE FROM orders WHERE id = :last", last=ROWS - 10)
    land(tmp_path, events_of(), END)
    assert len(events_in(tmp_path)) == ROWS - 1


@pytest.mark.usefixtures("orders")
def test_where_nothing_changed_nothing_is_written(tmp_path: Path) -> None:
    land(tmp_path, events_of(), END)
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "raw").iterdir()}
    changed, _ = land(tmp_path, events_of(), END)
    assert not changed
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "raw").iterdir()} == written


def test_events_after_as_of_wait_for_their_day(orders: str, tmp_path: Path) -> None:
    """A mistyped year does not move the watermark."""
    add(orders, ROWS, datetime(2099, 1, 1, tzinfo=FIRST.tzinfo))
    land(tmp_path, events_of(), END - DAY)
    assert events_in(tmp_path)["timestamp"].max() == END - DAY - EVERY
    newest = manifest_of(tmp_path)["sql"]["watermarks"]["source.sql.tables.events[0]"]
    assert datetime.fromisoformat(newest) == END - DAY - EVERY
    land(tmp_path, events_of(), END)
    assert len(events_in(tmp_path)) == ROWS


@pytest.mark.parametrize(
    "change", ["query", "columns", "zone", "database", "an earlier as_of", "a lost manifest", "no"]
)
def test_another_question_is_asked_anew(
    orders: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """Only then: an old event that was deleted shows whether all was read."""
    land(tmp_path, events_of(), END)
    run_sql(orders, "DELETE FROM orders WHERE id = 0")
    given, as_of, more = events_of(), END, {}
    if change == "query":
        given = events_of(f"{ORDERS} -- mended")
    elif change == "columns":
        run_sql(orders, "ALTER TABLE orders ADD COLUMN channel text")
    elif change == "zone":
        given = events_of(timestamp_zone="UTC")
    elif change == "database":
        monkeypatch.setenv(VARIABLE, orders.replace("127.0.0.1", "localhost"))
    elif change == "an earlier as_of":
        as_of = END - 5 * DAY
    elif change == "a lost manifest":
        (tmp_path / "raw" / "manifest.json").write_text("{", encoding="utf-8")
    land(tmp_path, given, as_of, **more)
    assert (events_in(tmp_path)["timestamp"].min() == FIRST) == (change == "no")


def test_several_queries_of_events_and_all_other_tables(orders: str, tmp_path: Path) -> None:
    for statement in OTHER_TABLES:
        run_sql(orders, statement)
    clicks = {
        "query": "SELECT * FROM clicks",
        "columns": {"user_id": "who", "item_id": "what", "timestamp": "at", "event_type": "kind"},
        "event_types": {"seen": "view"},
        "ignore_event_types": ["bot"],
    }
    tables = {
        "items": {"query": "SELECT * FROM goods", "columns": {"item_id": "sku", "title": "name"}},
        "users": {"query": "SELECT * FROM people", "columns": {"user_id": "customer"}},
        "promotions": {"query": "SELECT * FROM offers"},
    }
    _, written = land(tmp_path, [events_of(), clicks], END, tables=tables, chunk_rows=100)
    assert written.rows == {"events": ROWS + 1, "items": 499, "users": 997, "promotions": 1}
    landed = read_tables(tmp_path / "raw")
    seen = landed["events"][landed["events"]["event_type"] == "view"]
    assert seen["timestamp"].tolist() == [pd.Timestamp("2024-01-05 11:00", tz="UTC")], "a local time of Berlin"
    assert {landed[name]["item_id"].dtype.name for name in ("events", "items", "promotions")} == {"str"}, "x-1 is one"
    users = landed["users"]
    last = users[users["user_id"] == "K-996"].iloc[0]
    assert last[["age", "member", "joined", "zip"]].tolist() == [36, True, "2022-09-23", "0996"]
    assert users["age"].isna().sum() == 901
    assert users["score"].dtype == "float64", "though whole in the first chunks"
    assert users["nothing"].isna().all()
    assert landed["promotions"].iloc[0][["kind", "reach"]].tolist() == ["promotion", 1]
    run_sql(orders, "DELETE FROM clicks WHERE what = 'x-1'")
    with pytest.raises(DataContractError, match=r"events\[1\]\.query gives no events since 2024-01-02 11:00 UTC"):
        land(tmp_path, [events_of(), clicks], END, tables=tables)
    run_sql(orders, "INSERT INTO clicks VALUES ('K-1', '7', '2024-01-05 12:00', 'seen')")
    land(tmp_path, [events_of(), clicks], END, tables=tables)
    landed = read_tables(tmp_path / "raw")
    assert {landed[name]["item_id"].dtype.name for name in ("events", "items", "promotions")} == {"int64"}


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("timestamptz", {}),
        ("timestamp", {"timestamp_zone": "America/New_York"}),
        ("date", {}),
        ("text", {}),
        ("unix", {"timestamp_format": "unix_ms"}),
        ("day first", {"timestamp_format": "%d.%m.%Y %H:%M:%S.%f"}),
    ],
)
@pytest.mark.usefixtures("orders")
def test_the_database_is_asked_in_its_own_kind_of_time(tmp_path: Path, kind: str, more: dict[str, Any]) -> None:
    """Through the night in which New York's clocks go back, too: the window's ends lie in the hour that comes twice."""
    moved = "(bought_at + interval '300 days')"
    column = {
        "timestamptz": moved,
        "timestamp": f"{moved} AT TIME ZONE 'America/New_York'",
        "date": f"{moved}::date",
        "text": f"to_char({moved} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US+00:00')",
        "unix": f"(extract(epoch from {moved}) * 1000)::bigint",
        "day first": f"to_char({moved}, 'DD.MM.YYYY HH24:MI:SS.US')",
    }[kind]
    given = events_of(f"SELECT id, customer, sku, receipt, pieces, paid, {column} AS bought_at FROM orders", **more)
    for hour in (5, 6, 7):
        as_of = FIRST + 307 * DAY + timedelta(hours=hour, minutes=30)
        land(tmp_path / "hourly", given, as_of, late_days=1 / 24)
        land(tmp_path / "once", given, as_of, incremental=False)
        assert bytes_of(tmp_path / "hourly") == bytes_of(tmp_path / "once")


def test_gaps_and_texts_are_left_for_the_contract_to_judge(orders: str, tmp_path: Path) -> None:
    run_sql(orders, "UPDATE orders SET customer = NULL, sku = NULL, bought_at = NULL, paid = NULL WHERE id = 5")
    run_sql(orders, "UPDATE orders SET customer = '007' WHERE id = 6")
    for _ in range(2):
        land(
            tmp_path,
            events_of(
                "SELECT id, customer, sku, pieces, paid, bought_at FROM orders",
                columns={k: v for k, v in COLUMNS.items() if k != "session_id"},
            ),
            END,
        )
        landed = events_in(tmp_path)
        assert len(landed) == ROWS
        gap = landed[landed["timestamp"].isna()]
        assert gap[["user_id", "item_id", "value"]].isna().to_numpy().tolist() == [[True, True, True]]
        assert landed["item_id"].dtype == "Int64"
        assert landed["session_id"].isna().all()
        assert "007" in landed["user_id"].tolist()


def test_sqlite_is_a_database_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"sqlite:///{tmp_path / 'shop.db'}"
    (tmp_path / "shop.db").touch()
    run_sql(
        address,
        "CREATE TABLE orders (id INTEGER, customer TEXT, sku INTEGER, receipt TEXT, pieces, paid, bought_at DATETIME)",
    )
    for day in range(1, 31):
        run_sql(address, f"INSERT INTO orders VALUES ({day}, 'K-1', 7, NULL, 1, {day}, '2024-01-{day:02} 23:30:00')")
    run_sql(address, "INSERT INTO orders VALUES (31, 'K-1', 7, NULL, 2, 0.5, '2024-01-03 12:00')")
    monkeypatch.setenv(VARIABLE, address)
    for day in (20, 31):
        land(tmp_path / "daily", events_of(), FIRST + day * DAY)
        land(tmp_path / "once", events_of(), FIRST + day * DAY, incremental=False)
        assert bytes_of(tmp_path / "daily") == bytes_of(tmp_path / "once")
    landed = events_in(tmp_path / "daily")
    assert len(landed) == 31
    assert landed["timestamp"].iloc[0] == pd.Timestamp("2024-01-01 22:30", tz="UTC")
    assert landed["value"].iloc[:3].tolist() == [1.0, 2.0, 0.5]
    with pytest.raises(ParamsError, match=r"events\[0\]\.query: no such table: ordres"):
        land(tmp_path, events_of("SELECT * FROM ordres"), END)


def test_a_million_rows_take_hardly_more_memory_than_a_few(postgres: Postgres, tmp_path: Path) -> None:
    """pandas alone takes some 1,000 MiB for what the database's driver gives of so many."""
    address = postgres.new_database("a-million")
    make_orders(address, 1_200_000, 60)
    peaks = {}
    for name, as_of in {"few": FIRST + 3 * DAY, "many": FIRST + 60 * DAY}.items():
        (tmp_path / name).mkdir()
        events_before = events_of(f"{ORDERS} WHERE bought_at < '{as_of.isoformat()}'")
        process = start_landing(tmp_path / name, events_before, as_of, address, chunk_rows=50_000)
        out, told = process.communicate()
        assert process.returncode == 0, told
        peaks[name] = int(out.split()[-1])
    assert manifest_of(tmp_path / "many")["rows"] == {"events": 1_200_000}
    assert peaks["many"] < peaks["few"] + 400, peaks
    landed = tmp_path / "many" / "raw" / "events.parquet"
    write_table(read_table(landed), tmp_path / "again.parquet")
    assert (tmp_path / "again.parquet").read_bytes() == landed.read_bytes(), "as all tables are stored"
