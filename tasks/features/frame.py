"""Candidates with their features: the one frame that the ranker learns from and scores."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
from ibis.backends.duckdb import Backend

from tasks.features.compute import engine
from tasks.features.feature import Feature, columns
from tasks.features.relations import NO_CATEGORY, described_by, ratio
from tasks.schema import ITEM, USER, categories

_CATEGORICAL_LEVELS = 2
_ROW = "_row"
_CANDIDATES, _DESCRIBED = "_candidates", "_described"
_FIRST, _LAST = "first_user", "last_user"
"""Variables of a connection, between which it sees users in the feature tables. Those lie sorted by user, so what a few
users need is found without reading of all others."""


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
class _Query:
    sql: str
    names: list[str]
    """Of the features that it gives, in their order."""


@dataclass(frozen=True)
class FeatureTables:
    """The feature tables of one fold, in a folder, with the items that they speak of. Threads may share it."""

    folder: Path
    items: pd.DataFrame
    codes: Mapping[str, Mapping[str, int]]
    """Category column to the code of each of its values; a value without one is missing to the ranker."""
    _one_at_a_time: Lock = field(default_factory=Lock, compare=False, repr=False)

    def frame(self, candidates: pd.DataFrame) -> Frame:
        """Joins every feature to each candidate; rows keep their order."""
        rows = _arrow(candidates.assign(**{_ROW: range(len(candidates))}))
        with self._one_at_a_time:  # a connection refuses a second thread
            query, cursor = self._query(rows.schema), self._engine.con.cursor()
        with cursor:  # a connection of its own to the same tables
            cursor.register(_CANDIDATES, rows)
            for variable, end in ((_FIRST, "min"), (_LAST, "max")):
                cursor.execute(f"SET VARIABLE {variable} = (SELECT {end}({USER}) FROM {_CANDIDATES})")
            arrow = cursor.sql(query.sql).to_arrow_table()
        matrix = np.empty((arrow.num_rows, len(query.names)), np.float32, order="F")  # filled column by column
        for position, name in enumerate(query.names):
            matrix[:, position] = arrow[name].to_numpy()
        return Frame(candidates[[USER, ITEM]], matrix, query.names, [f"{c}_code" for c in self.codes])

    def _query(self, candidates: pa.Schema) -> _Query:
        # To write the SQL takes longer than to answer one shopper with it.
        if candidates not in self._queries:
            self._queries[candidates] = self._written(candidates)
        return self._queries[candidates]

    def _written(self, candidates: pa.Schema) -> _Query:
        table = ibis.table(ibis.Schema.from_pyarrow(candidates), name=_CANDIDATES)
        # One chain of joins, without a selection between: planning is most of what one shopper's answer takes.
        table = table.left_join(self._engine.table(_DESCRIBED), ITEM, rname="_described_{name}")
        for file in self._groups():
            group = self._engine.table(file.stem)
            keys = [c for c in group.columns if c in (USER, ITEM, *self._described())]
            table = table.left_join(group, keys, rname=f"_{file.stem}_{{name}}")
        crossed = cross_features(set(table.columns))
        table = table.mutate(**columns(crossed, table)).order_by(_ROW)
        names = [n for n, kind in table.schema().items() if kind.is_floating()]
        return _Query(str(ibis.to_sql(table.select(*names), dialect="duckdb")), names)

    @cached_property
    def _queries(self) -> dict[pa.Schema, _Query]:
        return {}

    @cached_property
    def _engine(self) -> Backend:
        """With tables of the items and of what is known of items alone, and a view of each group of users' features."""
        connection = engine()
        described = self.items[[ITEM, *self._described()]].copy()
        for column in self._described():
            described[column] = described[column].astype("string").fillna(NO_CATEGORY)
        for column, codes in self.codes.items():
            described[f"{column}_code"] = described[column].map(codes).astype("float32")
        connection.con.from_arrow(_arrow(described)).create(_DESCRIBED)
        for file in self._groups():
            table = connection.con.read_parquet(str(file))
            if USER in table.columns:
                inside = table.filter(f"{USER} BETWEEN getvariable('{_FIRST}') AND getvariable('{_LAST}')")
                inside.create_view(file.stem)
            else:
                table.create(file.stem)  # small, and wanted by every request
        return connection

    def _groups(self) -> list[Path]:
        return sorted(self.folder.glob("*.parquet"))

    def _described(self) -> list[str]:
        return described_by(self.items.columns)


def _arrow(frame: pd.DataFrame) -> pa.Table:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    # No row, no type: text ids of nobody would be comparable to no text.
    fields = [f.with_type(pa.string()) if pa.types.is_null(f.type) else f for f in table.schema]
    return table.cast(pa.schema(fields))


def category_codes(items: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Codes of the widest categories, which the ranker reads as categories; the others have too many values."""
    widest = categories(list(items.columns))[:_CATEGORICAL_LEVELS]
    values = {c: sorted(items[c].astype("string").fillna(NO_CATEGORY).unique()) for c in widest}
    return {column: {value: code for code, value in enumerate(found)} for column, found in values.items()}
