"""The valid tables as every later step reads them: a catalogue of every item, whether or not the shop has one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pandas as pd

from tasks.ingestion.storage import read_table, read_tables
from tasks.schema import EVENT_TYPE, ITEM, TITLE, USER, TableName


@dataclass(frozen=True)
class Valid:
    events: pd.DataFrame
    items: pd.DataFrame
    """`item_id, title` and what else the shop knows; an item that only events name has its id for a title."""
    users: pd.DataFrame
    """`user_id` and attributes; a user that only events name has none."""
    promotions: pd.DataFrame | None

    @classmethod
    def read(cls, folder: Path) -> Self:
        tables = read_tables(folder)
        events = _with_types_as_codes(tables["events"])
        items = _with_all_of(events[ITEM], tables.get("items"), ITEM)
        if TITLE not in items:
            items[TITLE] = None
        items[TITLE] = items[TITLE].astype("string").fillna(items[ITEM].astype("string"))
        return cls(events, items, _with_all_of(events[USER], tables.get("users"), USER), tables.get("promotions"))


def read_events(folder: Path, columns: Sequence[str]) -> pd.DataFrame:
    """`Valid.events` with these columns only, for who needs no more: read in a fraction of the time."""
    return _with_types_as_codes(read_table(folder / "events.parquet", columns))


def read_beside(folder: Path, name: TableName) -> pd.DataFrame | None:
    """A table that a shop need not have, as it is stored; None: this shop has none."""
    path = folder / f"{name}.parquet"
    return read_table(path) if path.exists() else None


def _with_types_as_codes(events: pd.DataFrame) -> pd.DataFrame:
    """They are compared once a fold: as text that takes longer than all else that is done to find a fold's labels."""
    return events.astype({EVENT_TYPE: "category"})


def _with_all_of(ids: pd.Series, table: pd.DataFrame | None, key: str) -> pd.DataFrame:
    """`table` with a row for each id that it lacks, sorted by id."""
    found = pd.DataFrame({key: ids.drop_duplicates()})
    if table is not None:
        found = pd.concat([table, found[~found[key].isin(table[key])]], ignore_index=True)
    return found.sort_values(key, ignore_index=True)
