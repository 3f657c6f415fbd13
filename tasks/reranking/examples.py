"""What the ranker learns from: candidates of past folds with what was bought after, one group of rows a user."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tasks.features.frame import Frame
from tasks.schema import ITEM, USER

_LABEL, _GROUP, _CATEGORICAL = "_label", "_group", "categorical"


@dataclass(frozen=True)
class Examples:
    """Rows of one or more folds. Rows of one (fold, user) are together: a group of lambdarank."""

    matrix: NDArray[np.float32]
    """(n_rows, n_features)"""
    label: NDArray[np.int8]
    """1 where the user bought the item in the fold's horizon."""
    groups: NDArray[np.int64]
    """Sizes of the groups, in the order of the rows."""
    names: list[str]
    categorical: list[str]

    def write(self, path: Path) -> None:
        """As Parquet: a column a feature, then label and number of the group."""
        columns = {name: self.matrix[:, position] for position, name in enumerate(self.names)}
        group = np.repeat(np.arange(len(self.groups), dtype=np.int32), self.groups)
        table = pa.table(columns | {_LABEL: self.label, _GROUP: group})
        told = {_CATEGORICAL: json.dumps(self.categorical)}
        pq.write_table(table.replace_schema_metadata(told), path, compression="zstd")

    @classmethod
    def read(cls, path: Path) -> Self:
        table = pq.read_table(path)
        names = table.column_names[:-2]
        matrix = np.empty((table.num_rows, len(names)), np.float32, order="F")  # filled column by column
        for position, name in enumerate(names):
            matrix[:, position] = table[name].to_numpy()
        groups = np.bincount(table[_GROUP].to_numpy()) if table.num_rows else np.empty(0, np.int64)
        categorical = json.loads((table.schema.metadata or {})[_CATEGORICAL.encode()])
        return cls(matrix, table[_LABEL].to_numpy(), groups, names, categorical)


def purchases(path: Path) -> int:
    """How many of the examples that were written there were bought."""
    return int(pq.read_table(path, columns=[_LABEL])[_LABEL].to_numpy().sum(dtype=np.int64))


def is_relevant(candidates: pd.DataFrame, labels: pd.DataFrame) -> NDArray[np.bool_]:
    """For each candidate, whether its (user, item) is among the labels."""
    found = pd.MultiIndex.from_frame(labels[[USER, ITEM]]).get_indexer(
        pd.MultiIndex.from_frame(candidates[[USER, ITEM]])
    )
    return found >= 0


def sample_rows(
    candidates: pd.DataFrame, relevant: NDArray[np.bool_], share: float, seed: int, most_users: int | None = None
) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
    """All positives and a random share of the negatives, of users with a positive; order is kept.

    A group without a positive has no pair to learn from. Of more than `most_users` with one, so many are drawn.
    """
    rng = np.random.default_rng(seed)
    kept = rng.random(len(candidates)) < share
    users = candidates.loc[relevant, USER].unique()
    if most_users is not None and len(users) > most_users:
        users = rng.choice(users, most_users, replace=False)
    chosen = candidates[USER].isin(users).to_numpy() & (kept | relevant)
    return candidates[chosen].reset_index(drop=True), relevant[chosen]


def examples(frame: Frame, relevant: NDArray[np.bool_]) -> Examples:
    """The examples of one fold; `frame` has the rows of each user together."""
    users = pd.factorize(frame.keys[USER])[0]
    starts = np.flatnonzero(np.r_[True, users[1:] != users[:-1]]) if len(users) else np.empty(0, np.intp)
    groups = np.diff(np.r_[starts, len(users)])
    return Examples(frame.matrix, relevant.astype(np.int8), groups, frame.names, frame.categorical)


def concatenated(parts: Sequence[Examples]) -> Examples:
    return Examples(
        matrix=np.concatenate([p.matrix for p in parts]),
        label=np.concatenate([p.label for p in parts]),
        groups=np.concatenate([p.groups for p in parts]),
        names=parts[0].names,
        categorical=parts[0].categorical,
    )
