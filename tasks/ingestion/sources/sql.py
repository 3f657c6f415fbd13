"""A shop's database as canonical tables, in chunks of bounded memory.

Events go on from what landed before. The watermark, the newest timestamp of each query of events, lies in the manifest
of the raw data, and so comes into its place in one step with the data that it is about.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import URL

from tasks.errors import DataContractError
from tasks.ingestion.landing import Writer, Written
from tasks.ingestion.sources.chunks import Query, columns_needed, frame_of, stage, write_chunk
from tasks.ingestion.sources.database import address_in, columns_of, connected, faults_of, one_value, rows_of, shown
from tasks.ingestion.sources.mapping import Named, refuse_unknown_columns
from tasks.ingestion.sources.merging import Kept, merge
from tasks.ingestion.sources.window import FACTS, Window, bounds_of, digest_of, start_of
from tasks.params.shop import ShopParams
from tasks.params.source import QueryTable, QueryTables, SqlParams
from tasks.schema import EVENTS, TIMESTAMP, TableName

_SCRATCH = "reading"


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
            digest = digest_of(queries, columns, address, shop)
            window = Window(start_of(params, digest, raw, as_of), as_of)
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
        given = columns_of(connection, query)
    return columns_needed(query, given)


def _read(
    connection: sa.Connection,
    address: URL,
    read: _Read,
    columns: list[str],
    shop: ShopParams,
    window: Window,
    params: SqlParams,
) -> _Read:
    query, seen = read.query, 0
    with faults_of(address, query.where):
        between = _between(connection, query, shop, window)
        for number, rows in enumerate(rows_of(connection, query, columns, between, params.chunk_rows)):
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
    connection: sa.Connection, query: Query, shop: ShopParams, window: Window
) -> tuple[str, object, object] | None:
    """What to ask the database for; `stage` cuts the rest off."""
    if query.name != EVENTS or window.since is None or TIMESTAMP in query.table.constants:
        return None
    column = query.table.columns.get(TIMESTAMP, TIMESTAMP)
    bounds = bounds_of(one_value(connection, query, column), query.table, shop, window.since, window.until)
    return (column, *bounds) if bounds else None


def _refuse_what_gave_nothing(found: Sequence[_Read], window: Window) -> None:
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
