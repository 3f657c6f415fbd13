"""A shop's own exports, CSV or Parquet, as canonical tables. Every error names the file, the column and the row."""

from pathlib import Path

import pandas as pd

from tasks.errors import DataContractError
from tasks.ingestion.sources.mapping import Named, mapped, refuse_unknown_columns, typed
from tasks.ingestion.sources.parsing import Place
from tasks.ingestion.sources.parts import Part, together
from tasks.ingestion.sources.reading import is_parquet, paths_behind, read_csv, read_parquet
from tasks.params.shop import ShopParams
from tasks.params.source import FileTable, SourceTables
from tasks.schema import TableName


def fetch_files(tables: SourceTables, shop: ShopParams, root: Path) -> dict[TableName, pd.DataFrame]:
    """The tables that `tables` names; an id or an optional column that the shop lacks is left out, or made of gaps.

    Raises ParamsError for columns that no such table has.
    """
    named = _named(tables)
    refuse_unknown_columns(named)
    parts: dict[TableName, list[Part]] = {}
    for name, param, table in named:
        read = [_read_file(path, name, param, table, shop) for path in paths_behind(table, param, root)]
        parts.setdefault(name, []).extend(read)
    return {name: together(name, found) for name, found in parts.items()}


def _named(tables: SourceTables) -> list[Named[FileTable]]:
    named: list[Named[FileTable]] = [
        Named("events", f"source.tables.events[{n}]", table) for n, table in enumerate(tables.events)
    ]
    singles: dict[TableName, FileTable | None] = {
        "items": tables.items,
        "users": tables.users,
        "promotions": tables.promotions,
    }
    return named + [Named(name, f"source.tables.{name}", table) for name, table in singles.items() if table is not None]


def _read_file(path: Path, name: TableName, param: str, table: FileTable, shop: ShopParams) -> Part:
    is_typed = is_parquet(path, param, table)
    frame = read_parquet(path) if is_typed else read_csv(path, param, table)
    if frame.empty:
        raise DataContractError(f"{path} has a header but no rows: export it again, or take it out of {param}.path")
    frame = mapped(frame, str(path), name, param, table)
    first_row = 1 if is_typed else 2  # people count a CSV's header as row 1
    frame = typed(frame, name, Place(str(path), param, first_row), table, shop, table.decimal)
    return Part(frame, None if is_typed else table.decimal)
