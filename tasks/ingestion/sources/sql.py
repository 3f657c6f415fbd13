"""A shop's database as canonical tables, in chunks of bounded memory.

Events go on from what landed before. The watermark, the newest timestamp of each query of events, lies in the manifest
of the raw data, and so comes into its place in one step with the data that it is about.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import ceil, floor
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
from sqlalchemy.engine import URL

from tasks.errors import DataContractError
from tasks.ingestion.landing import Writer, Written, read_manifest
from tasks.ingestion.sources.chunks import Query, columns_needed, frame_of, stage, write_chunk
from tasks.ingestion.sources.database import address_in, columns_of, connected, faults_of, one_value, rows_of, shown
from tasks.ingestion.sources.mapping import Named, refuse_unknown_columns
from tasks.ingestion.sources.merging import Kept, merge
from tasks.params import QueryTable, QueryTables, ShopParams, SqlParams
from tasks.schema import EVENTS, TIMESTAMP, TableName

FACTS = "sql"
"""In the manifest: what the next landing has to know."""
_READING = 1
"""Of this module's way to read; a new number has all events read anew."""
_SCRATCH = "reading"
_UNIX = {"unix_s": 1, "unix_ms": 1000}


@dataclass(frozen=True)
class _Window:
    """Events are read in `since <= timestamp < until`; from the beginning where `since` is None."""

    since: datetime | None
    until: datetime

    def __str__(self) -> str:
        return "" if self.since is None else f", events since {self.since:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True)
class _Read:
    """What a query gave."""

    query: Query
    folder: Path
    rows: int = 0
    newest: datetime | None = None


def writer_of_queries(params: SqlParams, shop: ShopParams, raw: Path, as_of: datetime) -> Writer:
    """What lands the tables that `params` names, of events those before `as_of`.

    It raises TransientError where the database cannot be reached or is lost on the way, ParamsError for SQL that it
    refuses, and DataContractError for what cannot be read as the params say; each names the query at fault.
    """
    queries = _queries(params.tables)

    def write(folder: Path) -> Written:
        address = address_in(params.address_variable)
        scratch = folder / _SCRATCH
        scratch.mkdir()
        with connected(address) as connection:
            columns = {query.param: _columns(connection, address, query) for query in queries}
            digest = _digest(queries, columns, address, shop)
            window = _Window(_since(params, digest, raw, as_of), as_of)
            found = [
                _read(connection, address, _Read(query, scratch / str(n)), columns[query.param], shop, window, params)
                for n, query in enumerate(queries)
            ]
        _refuse_what_gave_nothing(found, window)
        staged: dict[TableName, list[Path]] = {}
        for read in found:
            if read.rows:
                staged.setdefault(read.query.name, []).append(read.folder)
        kept = Kept(raw / "events.parquet", window.since) if window.since else None
        rows = merge(staged, kept, scratch, folder)
        shutil.rmtree(scratch)
        newest = {r.query.param: r.newest.isoformat() if r.newest else None for r in found if r.query.name == EVENTS}
        return Written(rows, {FACTS: {"digest": digest, "watermarks": newest}}, str(window))

    return write


def where_and_what(params: SqlParams, limit_s: int) -> tuple[str, int]:
    """Where the database is, as messages may show it, and how many queries it takes.

    Raises as landing would for a database that does not answer within `limit_s`, and for queries that it refuses or
    that lack a column. No row is read.
    """
    queries, address = _queries(params.tables), address_in(params.address_variable)
    with connected(address, limit_s) as connection:
        for query in queries:
            _columns(connection, address, query)
    return shown(address), len(queries)


def _queries(tables: QueryTables) -> list[Query]:
    section = "source.sql.tables"
    queries = [Query("events", f"{section}.events[{n}]", table) for n, table in enumerate(tables.events)]
    singles: dict[TableName, QueryTable | None] = {
        "items": tables.items,
        "users": tables.users,
        "promotions": tables.promotions,
    }
    queries += [Query(name, f"{section}.{name}", table) for name, table in singles.items() if table is not None]
    refuse_unknown_columns([Named(query.name, query.param, query.table) for query in queries])
    return queries


def _columns(connection: sa.Connection, address: URL, query: Query) -> list[str]:
    with faults_of(address, query.where):
        given = columns_of(connection, query.table.query)
    return columns_needed(query, given)


def _digest(queries: Sequence[Query], columns: Mapping[str, list[str]], address: URL, shop: ShopParams) -> str:
    """Of all that says what an event is. Where it is another one, what landed before is of no use."""
    about = {
        "reading": _READING,
        "database": [address.get_backend_name(), address.host, address.port, address.database],
        "time_zone": shop.time_zone,
        "events": [
            [query.table.model_dump(mode="json"), columns[query.param]] for query in queries if query.name == EVENTS
        ],
    }
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def _since(params: SqlParams, digest: str, raw: Path, as_of: datetime) -> datetime | None:
    """None: all has to be read, since nothing landed that can be gone on from."""
    if not params.incremental:
        return None
    try:
        manifest = read_manifest(raw)
        rows = pq.read_metadata(raw / "events.parquet").num_rows
    except (DataContractError, FileNotFoundError, pa.ArrowInvalid):
        return None
    facts: dict[str, Any] = manifest.get(FACTS, {})
    if facts.get("digest") != digest or manifest["rows"].get(EVENTS) != rows or None in facts["watermarks"].values():
        return None
    newest = [datetime.fromisoformat(instant) for instant in facts["watermarks"].values()]
    return min(newest) - timedelta(days=params.late_days) if max(newest) < as_of else None


def _read(
    connection: sa.Connection,
    address: URL,
    read: _Read,
    columns: list[str],
    shop: ShopParams,
    window: _Window,
    params: SqlParams,
) -> _Read:
    query, seen = read.query, 0
    with faults_of(address, query.where):
        between = _between(connection, query, shop, window)
        for number, rows in enumerate(rows_of(connection, query.table.query, columns, between, params.chunk_rows)):
            frame = frame_of(rows, columns, query.where)
            chunk = stage(frame, query, shop, seen + 1, window.since, window.until)
            seen += len(rows)
            if len(chunk):
                write_chunk(chunk, read.folder / f"{number:08}.parquet")
                read = replace(read, rows=read.rows + len(chunk), newest=_newest(read.newest, query, chunk))
    return read


def _newest(before: datetime | None, query: Query, chunk: pd.DataFrame) -> datetime | None:
    if query.name != EVENTS or chunk[TIMESTAMP].isna().all():
        return before
    newest = chunk[TIMESTAMP].max().to_pydatetime()
    return newest if before is None else max(before, newest)


def _between(
    connection: sa.Connection, query: Query, shop: ShopParams, window: _Window
) -> tuple[str, object, object] | None:
    """What to ask the database for: the window, or more where it cannot be told exactly; `stage` cuts the rest off."""
    if query.name != EVENTS or window.since is None or TIMESTAMP in query.table.constants:
        return None
    column = query.table.columns.get(TIMESTAMP, TIMESTAMP)
    bounds = _bounds(one_value(connection, query.table.query, column), query.table, shop, window.since, window.until)
    return (column, *bounds) if bounds else None


def _bounds(
    value: object, table: QueryTable, shop: ShopParams, since: datetime, until: datetime
) -> tuple[object, object] | None:
    """The window in the database's own kind of time, told by one of its values. Texts cannot be compared as times are.

    A local time tells an instant but for the hour that the clock shows twice, so a day more is asked for at both ends.
    """
    unit = _UNIX.get(table.timestamp_format or "")
    if unit and isinstance(value, int | float | Decimal):
        return floor(since.timestamp() * unit), ceil(until.timestamp() * unit)
    if isinstance(value, datetime) and value.tzinfo is not None:
        return since, until
    zone, day = ZoneInfo(table.timestamp_zone or shop.time_zone), timedelta(days=1)
    start, end = (t.astimezone(zone).replace(tzinfo=None) for t in (since - day, until + day))
    if isinstance(value, datetime):
        return start, end
    return (start.date(), end.date()) if isinstance(value, date) else None


def _refuse_what_gave_nothing(found: Sequence[_Read], window: _Window) -> None:
    """A query of events may have nothing yet, where another has; one that had events has them still."""
    events = [read for read in found if read.query.name == EVENTS]
    empty = [read for read in found if not read.rows and read.query.name != EVENTS]
    if empty:
        table = empty[0].query
        raise DataContractError(f"{table.where} gives no rows: mend it, or take {table.param} out of params.yaml")
    if not any(read.rows for read in events):
        where = " and ".join(read.query.where for read in events)
        raise DataContractError(f"{where} gives no events before {window.until:%Y-%m-%d %H:%M} UTC (source.as_of)")
    lost = [read.query.where for read in events if not read.rows]
    if lost and window.since is not None:
        raise DataContractError(
            f"{lost[0]} gives no events since {window.since:%Y-%m-%d %H:%M} UTC, of which some landed before: is the"
            " table being loaded? If they were meant to go, set source.sql.incremental: false for one run"
        )
