"""Candidates with their features: the one frame that the ranker learns from and scores."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
from ibis.backends.duckdb import Backend

from tasks.features.compute import engine
from tasks.features.feature import Feature, columns
from tasks.features.relations import NO_CATEGORY, ratio
from tasks.schema import BRAND, ITEM, USER, categories

_CATEGORICAL_LEVELS = 2
_ROW = "_row"


@dataclass(frozen=True)
class Frame:
    """Rows of candidates as a matrix; row r belongs to `keys.iloc[r]`."""

    keys: pd.DataFrame
    """user_id, item_id"""
    matrix: np.ndarray
    """(n_rows, n_features) float32; missing values are NaN"""
    names: list[str]
    categorical: list[str]
    """Those of `names` that are codes of categories."""


def cross_features(available: set[str]) -> list[Feature]:
    """Features of several groups together, as far as their parts are there."""
    found = []

    def share(name: str, definition: str, top: str, bottom: str) -> None:
        if {top, bottom} <= available:
            found.append(Feature(name, definition, lambda t: ratio(t[top], t[bottom])))

    share(
        "pair_session_share",
        "Share of the user's visits in which the item was bought.",
        "pair_sessions_all",
        "user_sessions_all",
    )
    for name in sorted(available):
        if name.startswith("user_category_") and name.endswith("_sessions_all"):
            column = name.removeprefix("user_").removesuffix("_sessions_all")
            share(
                f"pair_{column}_share",
                f"Of the user's visits with something of the {column}, the share in which it was this item.",
                "pair_sessions_all",
                name,
            )
            share(
                f"user_{column}_session_share",
                f"Share of the user's visits with something of the {column}.",
                name,
                "user_sessions_all",
            )
        if name.startswith("item_unit_price_"):
            share("pair_price_ratio", "Price of the item against what the user pays.", name, "user_unit_price_mean")
    return found


@dataclass(frozen=True)
class FeatureTables:
    """The feature tables of one fold, in a folder, with the items that they speak of."""

    folder: Path
    items: pd.DataFrame
    codes: Mapping[str, Mapping[str, int]]
    """Category column to the code of each of its values; a value without one is missing to the ranker."""

    def frame(self, candidates: pd.DataFrame) -> Frame:
        """Joins every feature to each candidate; rows keep their order."""
        connection = engine()
        described = self.items[[ITEM, *self._described()]].copy()
        for column in self._described():
            described[column] = described[column].astype("string").fillna(NO_CATEGORY)
        for column, codes in self.codes.items():
            described[f"{column}_code"] = described[column].map(codes).astype("float32")
        rows = _relation(connection, "candidates", candidates.assign(**{_ROW: range(len(candidates))}))
        table = rows.left_join(_relation(connection, "described", described), ITEM).drop(f"{ITEM}_right")
        for file in sorted(self.folder.glob("*.parquet")):
            group = connection.read_parquet(file)
            keys = [c for c in group.columns if c in (USER, ITEM, *self._described())]
            table = table.left_join(group, keys).drop(*(f"{k}_right" for k in keys))
        crossed = cross_features(set(table.columns))
        table = table.mutate(**columns(crossed, table)).order_by(_ROW)
        names = [n for n, kind in table.schema().items() if kind.is_floating()]
        arrow = table.select(*names).to_pyarrow()
        matrix = np.empty((arrow.num_rows, len(names)), np.float32)
        for position, name in enumerate(names):
            matrix[:, position] = arrow[name].to_numpy()
        return Frame(candidates[[USER, ITEM]], matrix, names, [f"{c}_code" for c in self.codes])

    def _described(self) -> list[str]:
        return [c for c in (*categories(list(self.items.columns)), BRAND) if c in self.items.columns]


def _relation(connection: Backend, name: str, frame: pd.DataFrame) -> ir.Table:
    # `create_table` of ibis 12 asks DuckDB 2 for a DROP that it cannot parse.
    table = pa.Table.from_pandas(frame, preserve_index=False)
    # No row, no type: text ids of nobody would be comparable to no text.
    fields = [f.with_type(pa.string()) if pa.types.is_null(f.type) else f for f in table.schema]
    connection.con.register(name, table.cast(pa.schema(fields)))
    return connection.table(name)


def category_codes(items: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Codes of the widest categories, which the ranker reads as categories; the others have too many values."""
    widest = categories(list(items.columns))[:_CATEGORICAL_LEVELS]
    values = {c: sorted(items[c].astype("string").fillna(NO_CATEGORY).unique()) for c in widest}
    return {column: {value: code for code, value in enumerate(found)} for column, found in values.items()}
