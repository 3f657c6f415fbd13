"""From what an adapter read to the canonical form: column order, types, row order."""

from collections.abc import Mapping

import pandas as pd

from tasks.schema import (
    BRAND,
    EVENT_TYPE,
    EVENTS,
    ITEM,
    PRICE,
    QUANTITY,
    REQUIRED_COLUMNS,
    SESSION,
    TIMESTAMP,
    TITLE,
    USER,
    VALUE,
    TableName,
    canonical_columns,
    categories,
)

ID_COLUMNS = (USER, ITEM, SESSION)
TIME_COLUMNS = (TIMESTAMP, "start", "end", "available_from", "available_to")
NUMBER_COLUMNS = (QUANTITY, VALUE, PRICE, "rating", "position", "reach")
TEXT_COLUMNS = (EVENT_TYPE, TITLE, BRAND, "description", "query", "channel", "kind")

SORT_KEYS: dict[TableName, list[str]] = {
    "events": [TIMESTAMP, USER, ITEM],
    "items": [ITEM],
    "users": [USER],
    "promotions": ["start", ITEM, "kind"],
}


def canonical(tables: Mapping[TableName, pd.DataFrame]) -> dict[TableName, pd.DataFrame]:
    """Canonical columns first, an id of one type in all tables, and rows sorted by `SORT_KEYS` (stable)."""
    one_type = _one_type_an_id(tables)
    return {name: sort_rows(name, _ordered(name, frame)) for name, frame in one_type.items()}


def sort_rows(name: TableName, frame: pd.DataFrame) -> pd.DataFrame:
    keys = [key for key in SORT_KEYS[name] if key in frame]
    return frame.sort_values(keys, kind="stable", ignore_index=True) if keys else frame.reset_index(drop=True)


def _one_type_an_id(tables: Mapping[TableName, pd.DataFrame]) -> dict[TableName, pd.DataFrame]:
    """An id that is a number in one table and a text in another is a text in all, or nothing would join."""
    out: dict[TableName, pd.DataFrame] = dict(tables)
    for column in (USER, ITEM):
        holders: list[TableName] = [name for name, frame in out.items() if column in frame]
        kinds = {pd.api.types.is_integer_dtype(out[name][column]) for name in holders if len(out[name])}
        if len(kinds) > 1:
            for name in holders:
                out[name] = out[name].assign(**{column: out[name][column].astype("str")})
    return out


def _ordered(name: TableName, frame: pd.DataFrame) -> pd.DataFrame:
    """Required columns, optional ones, categories, then the rest in the order in which the adapter had them.

    A required column of events that the shop does not have (session, quantity, value) becomes one of gaps.
    """
    if name == EVENTS:
        frame = frame.assign(**{c: _gaps(c, frame.index) for c in REQUIRED_COLUMNS[name] if c not in frame})
    return frame[ordered_columns(name, [str(column) for column in frame])]


def ordered_columns(name: TableName, columns: list[str]) -> list[str]:
    known = [*canonical_columns(name), *categories(columns)]
    first = [column for column in known if column in columns]
    return first + [column for column in columns if column not in known]


def _gaps(column: str, index: pd.Index) -> pd.Series:
    dtype = "float64" if column in NUMBER_COLUMNS else "str"
    return pd.Series(pd.NA if dtype == "str" else float("nan"), index=index, dtype=dtype)
