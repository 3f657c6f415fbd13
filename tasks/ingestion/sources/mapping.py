"""A shop's columns by canonical names, and of the types that the contract gives them."""

from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import pandas as pd

from tasks.errors import DataContractError, ParamsError
from tasks.ingestion.canonical import ID_COLUMNS, NUMBER_COLUMNS, TEXT_COLUMNS, TIME_COLUMNS
from tasks.ingestion.sources.parsing import Place, parse_ids, parse_numbers, parse_texts, parse_times
from tasks.ingestion.spelling import is_it
from tasks.params.shop import ShopParams
from tasks.params.source import MappedTable
from tasks.schema import (
    EVENT_TYPE,
    EVENTS,
    ITEM,
    OPEN_TABLES,
    TIMESTAMP,
    TITLE,
    USER,
    USERS,
    TableName,
    canonical_columns,
    categories,
    is_canonical,
)

_INDISPENSABLE: dict[TableName, tuple[str, ...]] = {
    "events": (USER, ITEM, EVENT_TYPE, TIMESTAMP),
    "items": (ITEM,),
    "users": (USER,),
    "promotions": (ITEM, "start", "end"),
}
_DEFAULTS: dict[TableName, dict[str, str | float]] = {"promotions": {"kind": "promotion", "reach": 1.0}}
"""Of columns that a shop does not have, and of cells that it leaves empty."""
T = TypeVar("T", bound=MappedTable)


class Named(NamedTuple, Generic[T]):
    """A table, the param that describes it, and what that says."""

    name: TableName
    param: str
    table: T


def refuse_unknown_columns(named: Sequence[Named[T]]) -> None:
    """Nothing would read a column of a mistyped name. Items and users may have any."""
    faults = [
        f"{param}.{key}.{column}: no {name} table has a column '{column}', but {', '.join(canonical_columns(name))}"
        f"{is_it(column, canonical_columns(name))}"
        for name, param, table in named
        for key, given in (("columns", table.columns), ("constants", table.constants))
        for column in given
        if name not in OPEN_TABLES and not is_canonical(name, column)
    ]
    if faults:
        raise ParamsError("\n".join(faults))


def mapped(frame: pd.DataFrame, where: str, name: TableName, param: str, table: MappedTable) -> pd.DataFrame:
    """Columns by their canonical names. Of users all others are kept too, as attributes."""
    missing = {canon: own for canon, own in table.columns.items() if own not in frame}
    if missing:
        canon, own = next(iter(missing.items()))
        raise DataContractError(
            f"{where} has no column '{own}' ({param}.columns.{canon}); its columns are {list(frame)}"
            f"{is_it(own, _names(frame))}"
        )
    taken = {own: canon for canon, own in table.columns.items()}
    kept = [c for c in _names(frame) if name == USERS or is_canonical(name, c)]
    rest = [c for c in kept if c not in taken and c not in table.columns]
    out = pd.DataFrame({canon: frame[own] for canon, own in table.columns.items()} | {c: frame[c] for c in rest})
    out = out.assign(**_DEFAULTS.get(name, {}) | {c: out[c] for c in _DEFAULTS.get(name, {}) if c in out})
    out = out.assign(**table.constants)
    for column in _INDISPENSABLE[name]:
        if column not in out:
            raise DataContractError(
                f"{where} has no column '{column}': name the shop's column in {param}.columns.{column}"
                f"{_or_constant(column, param)}; its columns are {list(frame)}{is_it(column, _names(frame))}"
            )
    if name == "items" and TITLE not in out:
        out[TITLE] = out[ITEM].astype("str")
    return _with_event_types(out, table) if name == EVENTS else out


def _names(frame: pd.DataFrame) -> list[str]:
    return [str(column) for column in frame]


def _or_constant(column: str, param: str) -> str:
    return f", or set {param}.constants.{column}, such as purchase" if column == EVENT_TYPE else ""


def _with_event_types(frame: pd.DataFrame, table: MappedTable) -> pd.DataFrame:
    """Names that are mapped nowhere stay: the contract sets such rows aside, or stops where they are many."""
    names = frame[EVENT_TYPE].astype("str").str.strip()
    kept = ~names.isin(table.ignore_event_types)
    return frame.assign(**{EVENT_TYPE: names.replace(dict(table.event_types))})[kept]


def typed(
    frame: pd.DataFrame, table_name: TableName, place: Place, table: MappedTable, shop: ShopParams, decimal: str = "."
) -> pd.DataFrame:
    """By the contract; what it does not name stays as it is, until all parts of the table are there."""
    columns: dict[Any, pd.Series] = {}
    for name in frame:
        if not is_canonical(table_name, str(name)):
            columns[name] = parse_texts(frame[name], as_text=False)
        elif name in TIME_COLUMNS:
            zone = table.timestamp_zone or shop.time_zone
            columns[name] = parse_times(frame[name], place.at(name), table.timestamp_format, zone)
        elif name in ID_COLUMNS:
            columns[name] = parse_ids(frame[name], place.at(name))
        elif name in NUMBER_COLUMNS:
            columns[name] = parse_numbers(frame[name], place.at(name), decimal)
        else:
            text = name in TEXT_COLUMNS or name in categories(_names(frame))
            columns[name] = parse_texts(frame[name], as_text=text)
    for name, value in _DEFAULTS.get(table_name, {}).items():
        if name in columns:
            columns[name] = columns[name].fillna(value)
    return pd.DataFrame(columns)
