"""Adapters: what a shop has, as canonical tables."""

from pathlib import Path

import pandas as pd

from tasks.errors import ParamsError
from tasks.ingestion.canonical import canonical
from tasks.ingestion.sources.complete_journey import fetch_complete_journey
from tasks.ingestion.sources.files import fetch_files
from tasks.params import ShopParams, SourceParams
from tasks.schema import TableName


def fetch(params: SourceParams, shop: ShopParams, root: Path) -> dict[TableName, pd.DataFrame]:
    """The source's tables in canonical form; `events` always, the others where the shop has them.

    `root` is the folder that relative paths in `params` start from.
    Raises DataContractError where an export cannot be read as what `params` says it is.
    """
    if params.adapter == "complete_journey":
        return canonical(fetch_complete_journey())
    if params.tables is None:
        raise ParamsError("source.adapter is 'files', but source.tables is missing: name tables.events.path")
    return canonical(fetch_files(params.tables, shop, root))
