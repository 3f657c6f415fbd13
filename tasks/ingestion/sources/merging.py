"""Staged chunks, and what landed before, as one table a file: sorted and free of copies, on disk rather than in memory.

The same rows give the same bytes, in whatever chunks and landings they came.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from tasks.errors import ShoprecError
from tasks.ingestion.canonical import ID_COLUMNS, NUMBER_COLUMNS, SORT_KEYS, TEXT_COLUMNS, TIME_COLUMNS, ordered_columns
from tasks.ingestion.sources.chunks import KEY
from tasks.ingestion.storage import write_batches
from tasks.schema import EVENTS, ITEM, REQUIRED_COLUMNS, SESSION, TIMESTAMP, USER, TableName, categories

_MEMORY = "256MB"
_THREADS = 2
_BATCH_ROWS = 1 << 16
_EMPTY = '"NULL"'
"""DuckDB's type of a column that has no value in any chunk."""
_EXACT = 2**53
"""Beyond it, a float is no longer told from its neighbours."""


@dataclass(frozen=True)
class Kept:
    """What stays of the events that landed before: those earlier than `since`."""

    path: Path
    since: datetime


def merge(
    staged: Mapping[TableName, Sequence[Path]], kept: Kept | None, scratch: Path, folder: Path
) -> dict[TableName, int]:
    """Write the tables whose chunks lie in the `staged` folders, a folder a query, into `folder`; tells their rows.

    Of events, copies land once: rows of one query that are equal in their timestamp and key, or in all columns where
    it has no key. Raises ShoprecError where disk or memory do not suffice.
    """
    try:
        with duckdb.connect(str(scratch / "merged.duckdb")) as database:
            _configure(database, scratch)
            for name, folders in staged.items():
                _collect(database, name, folders, kept if name == EVENTS else None)
            kinds = _kinds(database, list(staged))
            return {name: _write(database, name, kinds, folder / f"{name}.parquet") for name in staged}
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        raise ShoprecError(
            f"the tables could not be merged in {scratch.parent}: {error}; free disk and memory and run again; what"
            " landed before is as it was"
        ) from error


def _configure(database: duckdb.DuckDBPyConnection, scratch: Path) -> None:
    for setting, value in {
        "memory_limit": _MEMORY,
        "temp_directory": str(scratch / "spilled"),
        "threads": _THREADS,
        "TimeZone": "UTC",
        "enable_progress_bar": False,
        "preserve_insertion_order": False,
    }.items():
        database.execute(f"SET {setting} = {_text(value) if isinstance(value, str) else value}")


def _collect(database: duckdb.DuckDBPyConnection, name: TableName, folders: Sequence[Path], kept: Kept | None) -> None:
    """A table in DuckDB of all columns that any part has."""
    parts = [f"read_parquet({_text(str(folder / '*.parquet'))}, union_by_name = true)" for folder in folders]
    kept_part = [f"read_parquet({_text(str(kept.path))})"] if kept else []
    given = {part: _columns(database, part) for part in [*parts, *kept_part]}
    names = dict.fromkeys(c for columns in given.values() for c in columns if not c.startswith(KEY))
    if name == EVENTS:
        names |= dict.fromkeys(REQUIRED_COLUMNS[name])
    columns = ordered_columns(name, list(names))
    selects = [_part(part, name, columns, given[part]) for part in parts]
    if kept:
        before = f"{_name(TIMESTAMP)} < TIMESTAMPTZ {_text(kept.since.isoformat())}"
        selects += [f"SELECT {_typed(columns, given[part])} FROM {part} WHERE {before}" for part in kept_part]
    database.execute(f"CREATE TABLE {_name(name)} AS {' UNION ALL '.join(selects)}")


def _part(part: str, name: TableName, columns: Sequence[str], given: Mapping[str, str]) -> str:
    keys = [_name(column) for column in given if column.startswith(KEY)]
    if name != EVENTS:
        return f"SELECT {_typed(columns, given)} FROM {part}"
    if not keys:
        return f"SELECT DISTINCT {_typed(columns, given)} FROM {part}"
    chosen = ", ".join(_name(column) for column in columns)
    whole = f"CASE WHEN {' OR '.join(f'{key} IS NULL' for key in keys)} THEN row({chosen}) END"
    same = ", ".join([_name(TIMESTAMP), *keys, whole])
    return (
        f"SELECT {chosen} FROM (SELECT {_typed(columns, given)}, {', '.join(keys)} FROM {part})"
        f" QUALIFY row_number() OVER (PARTITION BY {same} ORDER BY {chosen}) = 1"
    )


def _kinds(database: duckdb.DuckDBPyConnection, names: Sequence[TableName]) -> dict[tuple[TableName, str], str]:
    """What a column is in the end: an id of integers where every id in every table is one written plainly, a number
    an integer where every one of the column is.
    """
    held = {name: _columns(database, _name(name)) for name in names}
    kinds: dict[tuple[TableName, str], str] = {}
    for column in (USER, ITEM, SESSION):
        holders: list[TableName] = [name for name in names if column in held[name]]
        plain = f"TRY_CAST({_name(column)} AS BIGINT)::VARCHAR IS NOT DISTINCT FROM {_name(column)}"
        if _all(database, holders, column, plain):
            kinds |= {(name, column): "BIGINT" for name in holders}
    for name in names:
        for column in (c for c in NUMBER_COLUMNS if c in held[name]):
            whole = f"{_name(column)} = trunc({_name(column)}) AND abs({_name(column)}) < {_EXACT}"
            if _all(database, [name], column, whole):
                kinds[name, column] = "BIGINT"
    return kinds


def _all(database: duckdb.DuckDBPyConnection, names: Sequence[TableName], column: str, condition: str) -> bool:
    """Whether it holds wherever the column has a value, and there is one."""
    counts = f"count({_name(column)}), count(*) FILTER (WHERE {_name(column)} IS NOT NULL AND NOT ({condition}))"
    told = [database.execute(f"SELECT {counts} FROM {_name(name)}").fetchall()[0] for name in names]
    return any(values for values, _ in told) and not any(others for _, others in told)


def _write(
    database: duckdb.DuckDBPyConnection, name: TableName, kinds: Mapping[tuple[TableName, str], str], path: Path
) -> int:
    """Sorted as the contract has it, and then by all else, so that chance has no say."""
    columns = list(_columns(database, _name(name)))
    cast = {c: f"{_name(c)}::{kinds[name, c]} AS {_name(c)}" for c in columns if (name, c) in kinds}
    keys = [key for key in SORT_KEYS[name] if key in columns]
    order = ", ".join(str(columns.index(column) + 1) for column in dict.fromkeys([*keys, *columns]))
    chosen = ", ".join(cast.get(column, _name(column)) for column in columns)
    rows = database.sql(f"SELECT {chosen} FROM {_name(name)} ORDER BY {order}")
    return write_batches(rows.to_arrow_reader(_BATCH_ROWS), path)


def _columns(database: duckdb.DuckDBPyConnection, source: str) -> dict[str, str]:
    """Names of columns and their types."""
    return {row[0]: row[1] for row in database.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}


def _typed(columns: Sequence[str], given: Mapping[str, str]) -> str:
    return ", ".join(f"{_cast(c, given.get(c))} AS {_name(c)}" for c in columns)


def _cast(column: str, kind: str | None) -> str:
    """`kind`: DuckDB's type of the column; None: the part lacks it."""
    value = _name(column) if kind else "NULL"
    if column in NUMBER_COLUMNS:
        return f"{value}::DOUBLE"
    if column in TIME_COLUMNS:
        return f"{value}::TIMESTAMPTZ"
    is_text = column in ID_COLUMNS or column in TEXT_COLUMNS or bool(categories([column]))
    return f"{value}::VARCHAR" if is_text or kind in (None, _EMPTY) else value


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
