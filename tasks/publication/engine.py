"""Questions that need all events or all lists at once, asked of DuckDB, which spills what memory cannot hold."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from tasks.schema import EVENT_TYPE, ITEM, TASK, TIMESTAMP, USER

MEMORY = "1GB"
_COMPARED = 100_000
"""At about so many users, two publications are compared on a part of them."""


def active_users(events: Path, as_of: datetime, days: float | None) -> pd.Series:
    """Sorted ids of the users with an event in the `days` before `as_of`, or ever before it."""
    since = datetime.fromisoformat("1900-01-01T00:00:00+00:00") if days is None else as_of - timedelta(days=days)
    query = (
        f"SELECT DISTINCT {USER} FROM read_parquet($events)"
        f" WHERE epoch_us({TIMESTAMP}) >= $since AND epoch_us({TIMESTAMP}) < $until AND {USER} IS NOT NULL ORDER BY 1"
    )
    with _engine(events.parent) as engine:
        given = {"events": str(events), "since": _micros(since), "until": _micros(as_of)}
        return engine.execute(query, given).df()[USER]


def bought_before(lists: Path, events: Path, target: str, task: str | None = None) -> pd.MultiIndex:
    """The pairs of user and item of a file of lists for which there is an event of type `target`.

    `task`: of its lists only; None: the file holds those of one.
    """
    of_task = f"AND l.{TASK} = '{task}'" if task else ""
    query = (
        f"SELECT DISTINCT l.{USER}, l.{ITEM} FROM read_parquet($lists) l"
        f" SEMI JOIN (SELECT {USER}, {ITEM} FROM read_parquet($events) WHERE {EVENT_TYPE} = $target) e"
        f" USING ({USER}, {ITEM}) WHERE true {of_task}"
    )
    with _engine(lists.parent) as engine:
        given = {"lists": str(lists), "events": str(events), "target": target}
        return pd.MultiIndex.from_frame(engine.execute(query, given).df())


def most_bought_by_one(events: Path, target: str) -> int:
    """How many items the user who bought the most different ones did."""
    query = (
        f"SELECT coalesce(max(n), 0) FROM (SELECT count(DISTINCT {ITEM}) n FROM read_parquet($events)"
        f" WHERE {EVENT_TYPE} = $target GROUP BY {USER})"
    )
    with _engine(events.parent) as engine:
        return _one(engine.execute(query, {"events": str(events), "target": target}))[0]


def few_left(items: pd.Index, events: Path, target: str, k: int) -> pd.Index:
    """The users who have less than k of `items` left to buy for a first time.

    `target`: the type of the events that are purchases.
    """
    query = (
        f"SELECT {USER} FROM read_parquet($events) SEMI JOIN items USING ({ITEM}) WHERE {EVENT_TYPE} = $target"
        f" AND {USER} IS NOT NULL GROUP BY {USER} HAVING $items - count(DISTINCT {ITEM}) < $k"
    )
    with _engine(events.parent) as engine:
        engine.register("items", pa.table({ITEM: pa.array(items)}))
        given = {"events": str(events), "target": target, "items": len(items), "k": k}
        return pd.Index(engine.execute(query, given).df()[USER])


def change_between(old: Path, new: Path) -> tuple[int, float, float] | None:
    """Of the users with a list in both files (of many, of a part drawn by their ids): how many were compared, the share
    whose list is another now, and the mean share of a list's items that were in the old one. None: there are none."""
    with _engine(new.parent) as engine:
        count = _one(engine.execute("SELECT count(DISTINCT user_id) FROM read_parquet($new)", {"new": str(new)}))[0]
        part = max(1, count // _COMPARED)
        lists = (
            f"SELECT {USER}::VARCHAR u, list({ITEM}::VARCHAR ORDER BY rank) l FROM read_parquet(${{}})"
            f" WHERE hash({USER}::VARCHAR) % {part} = 0 GROUP BY 1"
        )
        query = (
            f"WITH a AS ({lists.format('old')}), b AS ({lists.format('new')}) SELECT count(*),"
            " avg((a.l <> b.l)::DOUBLE), avg(len(list_intersect(a.l, b.l)) / len(b.l)) FROM a JOIN b USING (u)"
        )
        compared, changed, overlap = _one(engine.execute(query, {"old": str(old), "new": str(new)}))
    return (compared, changed, overlap) if compared else None


@contextmanager
def _engine(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    settings = {"memory_limit": MEMORY, "temp_directory": str(folder / ".spill"), "threads": 2}
    with duckdb.connect(config=settings) as engine:
        yield engine


def _one(found: duckdb.DuckDBPyConnection) -> tuple[Any, ...]:
    row = found.fetchone()
    assert row is not None
    return row


def _micros(instant: datetime) -> int:
    return int(instant.timestamp() * 1_000_000)
