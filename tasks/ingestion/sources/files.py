"""A shop's own exports, CSV or Parquet, as canonical tables. Every error names the file, the column and the row."""

from pathlib import Path

import pandas as pd

from tasks.errors import DataContractError, ParamsError
from tasks.ingestion.canonical import ID_COLUMNS, NUMBER_COLUMNS, TEXT_COLUMNS, TIME_COLUMNS
from tasks.ingestion.sources.parsing import Place, parse_ids, parse_numbers, parse_texts, parse_times
from tasks.ingestion.sources.parts import Part, together
from tasks.ingestion.sources.reading import is_parquet, paths_behind, read_csv, read_parquet
from tasks.ingestion.spelling import is_it
from tasks.params import FileTable, ShopParams, SourceTables
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
_Named = tuple[TableName, str, FileTable]
"""A table, the param that describes it, and what that says."""


def fetch_files(tables: SourceTables, shop: ShopParams, root: Path) -> dict[TableName, pd.DataFrame]:
    """The tables that `tables` names; an id or an optional column that the shop lacks is left out, or made of gaps.

    Raises ParamsError for columns that no such table has.
    """
    named = _named(tables)
    _refuse_unknown_columns(named)
    parts: dict[TableName, list[Part]] = {}
    for name, param, table in named:
        read = [_read_file(path, name, param, table, shop) for path in paths_behind(table, param, root)]
        parts.setdefault(name, []).extend(read)
    return {name: together(name, found) for name, found in parts.items()}


def _named(tables: SourceTables) -> list[_Named]:
    named: list[_Named] = [("events", f"source.tables.events[{n}]", table) for n, table in enumerate(tables.events)]
    singles: dict[TableName, FileTable | None] = {
        "items": tables.items,
        "users": tables.users,
        "promotions": tables.promotions,
    }
    return named + [(name, f"source.tables.{name}", table) for name, table in singles.items() if table is not None]


def _refuse_unknown_columns(named: list[_Named]) -> None:
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


def _read_file(path: Path, name: TableName, param: str, table: FileTable, shop: ShopParams) -> Part:
    typed = is_parquet(path, param, table)
    frame = read_parquet(path) if typed else read_csv(path, param, table)
    if frame.empty:
        raise DataContractError(f"{path} has a header but no rows: export it again, or take it out of {param}.path")
    frame = _mapped(frame, path, name, param, table)
    first_row = 1 if typed else 2  # people count a CSV's header as row 1
    frame = _typed(frame, name, Place(path, param, first_row), table, shop)
    return Part(frame, None if typed else table.decimal)


def _mapped(frame: pd.DataFrame, path: Path, name: TableName, param: str, table: FileTable) -> pd.DataFrame:
    """Columns by their canonical names. Of users all others are kept too, as attributes."""
    missing = {canon: own for canon, own in table.columns.items() if own not in frame}
    if missing:
        canon, own = next(iter(missing.items()))
        raise DataContractError(
            f"{path} has no column '{own}' ({param}.columns.{canon}); its columns are {list(frame)}"
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
                f"{path} has no column '{column}': name the shop's column in {param}.columns.{column}"
                f"{_or_constant(column, param)}; its columns are {list(frame)}{is_it(column, _names(frame))}"
            )
    if name == "items" and TITLE not in out:
        out[TITLE] = out[ITEM].astype("str")
    return _with_event_types(out, table) if name == EVENTS else out


def _names(frame: pd.DataFrame) -> list[str]:
    return [str(column) for column in frame]


def _or_constant(column: str, param: str) -> str:
    return f", or set {param}.constants.{column}, such as purchase" if column == EVENT_TYPE else ""


def _with_event_types(frame: pd.DataFrame, table: FileTable) -> pd.DataFrame:
    """Names that are mapped nowhere stay: the contract sets such rows aside, or stops where they are many."""
    names = frame[EVENT_TYPE].astype("str").str.strip()
    kept = ~names.isin(table.ignore_event_types)
    return frame.assign(**{EVENT_TYPE: names.replace(dict(table.event_types))})[kept]


def _typed(
    frame: pd.DataFrame, table_name: TableName, place: Place, table: FileTable, shop: ShopParams
) -> pd.DataFrame:
    """By the contract; what it does not name stays as it is, until all files of the table are there."""
    columns = {}
    for name in frame:
        if not is_canonical(table_name, str(name)):
            columns[name] = parse_texts(frame[name], as_text=False)
        elif name in TIME_COLUMNS:
            zone = table.timestamp_zone or shop.time_zone
            columns[name] = parse_times(frame[name], place.at(name), table.timestamp_format, zone)
        elif name in ID_COLUMNS:
            columns[name] = parse_ids(frame[name], place.at(name))
        elif name in NUMBER_COLUMNS:
            columns[name] = parse_numbers(frame[name], place.at(name), table.decimal)
        else:
            text = name in TEXT_COLUMNS or name in categories(_names(frame))
            columns[name] = parse_texts(frame[name], as_text=text)
    return pd.DataFrame(columns)
