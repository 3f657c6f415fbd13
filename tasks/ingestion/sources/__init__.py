"""Adapters: what a shop has, as canonical tables."""

from pathlib import Path

import pandas as pd

from tasks.errors import DataContractError
from tasks.ingestion.canonical import canonical
from tasks.ingestion.sources.complete_journey import fetch_complete_journey
from tasks.params import ShopParams, SourceParams
from tasks.schema import EVENTS, TableName


def fetch(params: SourceParams, shop: ShopParams, root: Path) -> dict[TableName, pd.DataFrame]:
    """The source's tables in canonical form; `events` always, the others where the shop has them.

    `root` is the folder that relative paths in `params` start from.
    Raises DataContractError where an export cannot be read as what `params` says it is.
    """
    tables = fetch_complete_journey()
    if tables[EVENTS].empty:
        raise DataContractError("the source holds no events; see source.tables.events in params.yaml")
    return canonical(tables)
