"""Adapters: what a shop has, as canonical tables."""

from datetime import datetime
from pathlib import Path

import pandas as pd

from tasks.errors import ParamsError
from tasks.ingestion.canonical import canonical
from tasks.ingestion.landing import Writer, Written
from tasks.ingestion.sources.complete_journey import fetch_complete_journey
from tasks.ingestion.sources.files import fetch_files
from tasks.ingestion.storage import write_tables
from tasks.params.shop import ShopParams
from tasks.params.source import SourceParams
from tasks.schema import TableName


def writer(params: SourceParams, shop: ShopParams, root: Path, raw: Path, as_of: datetime) -> Writer:
    """What writes the source's tables in canonical form; `events` always, the others where the shop has them.

    A database is read bit by bit, and goes on from what `raw` holds; of it, only events before `as_of` are taken.
    """
    if params.adapter == "sql" and params.sql is not None:
        from tasks.ingestion.sources.sql import writer_of_queries  # few shops have need of what it imports

        return writer_of_queries(params.sql, shop, raw, as_of)

    def write(folder: Path) -> Written:
        tables = fetch(params, shop, root)
        write_tables(tables, folder)
        return Written({name: len(frame) for name, frame in tables.items()})

    return write


def fetch(params: SourceParams, shop: ShopParams, root: Path) -> dict[TableName, pd.DataFrame]:
    """The tables of a source that is read whole, in canonical form.

    `root` is the folder that relative paths in `params` start from.
    Raises DataContractError where an export cannot be read as what `params` says it is.
    """
    if params.adapter == "complete_journey":
        return canonical(fetch_complete_journey())
    if params.adapter != "files" or params.tables is None:
        raise ParamsError(f"source.adapter is '{params.adapter}', which has no files; name them in source.tables")
    return canonical(fetch_files(params.tables, shop, root))
