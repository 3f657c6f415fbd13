"""Rows of a database, chunk by chunk, as Parquet files by canonical names, whose values may still differ in kind.

An id is a text here and a number a float: what each column is, all of its rows say together, in `merging`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.errors import DataContractError
from tasks.ingestion.canonical import ID_COLUMNS, NUMBER_COLUMNS
from tasks.ingestion.sources.mapping import mapped, typed
from tasks.ingestion.sources.parsing import Place
from tasks.ingestion.spelling import is_it
from tasks.params.shop import ShopParams
from tasks.params.source import EventQuery, QueryTable
from tasks.schema import EVENTS, TIMESTAMP, USERS, TableName, is_canonical

KEY = "key "
"""Before the number of a column of `source.sql.tables.events.key`, in the staged files."""
_LONGEST = 2**63
_AS_THEY_ARE = (
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_boolean,
    pa.types.is_string,
    pa.types.is_timestamp,
)


@dataclass(frozen=True)
class Query:
    """One query of a table, and the param that describes it."""

    name: TableName
    param: str
    table: QueryTable

    @property
    def where(self) -> str:
        return f"{self.param}.query"

    @property
    def key(self) -> tuple[str, ...]:
        return self.table.key if isinstance(self.table, EventQuery) else ()


def columns_needed(query: Query, given: Sequence[str]) -> list[str]:
    """Of the columns that the query gives, those that the table has use of.

    Raises DataContractError where one is missing, or has the name of another.
    """
    twice = sorted({column for column in given if given.count(column) > 1})
    if twice:
        raise DataContractError(f"{query.where} gives two columns '{twice[0]}': name one of them otherwise, with AS")
    mapped(
        pd.DataFrame({column: [] for column in given}, dtype="str"), query.where, query.name, query.param, query.table
    )
    for column in query.key:
        if column not in given:
            raise DataContractError(
                f"{query.where} has no column '{column}' ({query.param}.key); its columns are {list(given)}"
                f"{is_it(column, given)}"
            )
    wanted = {*query.table.columns.values(), *query.key}
    return [c for c in given if query.name == USERS or c in wanted or is_canonical(query.name, c)]


def frame_of(rows: Sequence[Sequence[object]], columns: Sequence[str], where: str) -> pd.DataFrame:
    """Columns of the types that the values have; those of several kinds become texts."""
    arrays = [_array(values, column, where) for column, values in zip(columns, zip(*rows, strict=True), strict=True)]
    table = pa.table(dict(zip(columns, arrays, strict=True)))
    return table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)


def stage(
    frame: pd.DataFrame, query: Query, shop: ShopParams, first_row: int, since: datetime | None, until: datetime
) -> pd.DataFrame:
    """The chunk by canonical names; of events those in `since <= timestamp < until`, or without a timestamp."""
    named = mapped(frame, query.where, query.name, query.param, query.table)
    done = typed(named, query.name, Place(query.where, query.param, first_row), query.table, shop)
    ids = {column: done[column].astype("str") for column in ID_COLUMNS if column in done}
    numbers = {column: done[column].astype("float64") for column in NUMBER_COLUMNS if column in done}
    keys = {f"{KEY}{n}": frame.loc[done.index, own].astype("str") for n, own in enumerate(query.key)}
    done = done.assign(**ids, **numbers, **keys)
    if query.name == EVENTS:
        times = done[TIMESTAMP]
        inside = times < until if since is None else (times >= since) & (times < until)
        done = done[inside | times.isna()]
    return done


def write_chunk(frame: pd.DataFrame, path: Path) -> None:
    """What is empty in this chunk has no type: it may be numbers in the next."""
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    for place, name in enumerate(table.column_names):
        if table[name].null_count == len(table):
            table = table.set_column(place, name, pa.nulls(len(table)))
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)


def _array(values: Sequence[object], column: str, where: str) -> pa.Array:
    if any(isinstance(value, bytes | memoryview | bytearray) for value in values[:1000]):
        raise DataContractError(f"{where} gives bytes in its column '{column}': make a text of them in the query")
    try:
        array = pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return _texts(values)
    if pa.types.is_decimal(array.type):
        return _from_decimals([value for value in values if isinstance(value, Decimal | None)])
    return array if any(is_kind(array.type) for is_kind in _AS_THEY_ARE) else _texts(values)


def _from_decimals(values: Sequence[Decimal | None]) -> pa.Array:
    """Whole ones may be ids. Arrow's own cast of the others would be off by a last digit."""
    if any(value is not None and value != value.to_integral_value() for value in values):
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    whole = [None if value is None else int(value) for value in values]
    return pa.array(whole, pa.int64()) if all(abs(value or 0) < _LONGEST for value in whole) else _texts(whole)


def _texts(values: Sequence[object]) -> pa.Array:
    return pa.array([None if value is None else str(value) for value in values], pa.string())
