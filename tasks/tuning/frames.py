"""Candidates with features and labels, a folder a fold: made once, then read by every trial."""

import json
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.features.frame import Frame
from tasks.folds import Fold, labels
from tasks.ingestion.storage import replace_folder
from tasks.reranking.examples import Examples, examples, sample_rows
from tasks.reranking.inputs import Inputs
from tasks.schema import USER, Task

_MATRIX, _ROWS, _USERS, _NAMES = "matrix.npy", "rows.npz", "users.parquet", "names.json"
_RELEVANT = "relevant"
_ROW = "row"


@dataclass(frozen=True)
class FoldFrame:
    """One fold's candidates of all users with a label; the rows of each user are together."""

    folder: Path

    @classmethod
    def write(cls, inputs: Inputs, fold: Fold, task: Task, folder: Path) -> "FoldFrame":
        """Nothing is done where it was written before."""
        if not folder.exists():
            replace_folder(folder, lambda new: _write(inputs, fold, task, new))
        return cls(folder)

    @cached_property
    def matrix(self) -> NDArray[np.float32]:
        """(n_rows, n_features), read from disk as it is used."""
        return np.load(self.folder / _MATRIX, mmap_mode="r")

    @cached_property
    def label(self) -> NDArray[np.bool_]:
        """(n_rows,)"""
        return self._rows["label"]

    @cached_property
    def user(self) -> NDArray[np.int64]:
        """(n_rows,): places in `users`."""
        return self._rows["user"]

    @cached_property
    def users(self) -> pd.Series:
        """By user id, how many items are relevant to each user with a label: also to those without candidates."""
        return pd.read_parquet(self.folder / _USERS).set_index(USER)[_RELEVANT]

    def examples(self, share: float, seed: int, most_users: int | None) -> Examples:
        """What a ranker learns from, or is stopped on: a sample of the rows; see `sample_rows`."""
        rows = pd.DataFrame({USER: self.user, _ROW: np.arange(len(self.user))})
        chosen, label = sample_rows(rows, self.label, share, seed, most_users)
        matrix = self.matrix[chosen[_ROW].to_numpy()]
        return examples(Frame(chosen[[USER]], matrix, self.names, self._names["categorical"]), label)

    @property
    def names(self) -> list[str]:
        """Of the features."""
        return self._names["names"]

    @cached_property
    def _names(self) -> dict[str, list[str]]:
        return json.loads((self.folder / _NAMES).read_text(encoding="utf-8"))

    @cached_property
    def _rows(self) -> dict[str, NDArray]:
        with np.load(self.folder / _ROWS) as found:
            return dict(found)


def clear_others(folder: Path) -> None:
    """Of one task the frames of other data: they are large, and no study will read them again.

    `folder` is named `<task>-<key>`, and so are those beside it.
    """
    task = folder.name.partition("-")[0]
    for other in folder.parent.glob(f"{task}-*"):
        if other != folder:
            shutil.rmtree(other)


def _write(inputs: Inputs, fold: Fold, task: Task, folder: Path) -> None:
    candidates, relevant = inputs.labelled(fold, task)
    users = labels(inputs.valid.events, fold, inputs.shop, task).groupby(USER).size()
    of_use = candidates[USER].isin(users.index).to_numpy()
    candidates, relevant = candidates[of_use].reset_index(drop=True), relevant[of_use]
    frame = inputs.frame(fold, candidates)
    np.save(folder / _MATRIX, frame.matrix)
    np.savez(folder / _ROWS, label=relevant, user=users.index.get_indexer(pd.Index(candidates[USER])).astype(np.int64))
    users.rename(_RELEVANT).reset_index().to_parquet(folder / _USERS, index=False)
    names = {"names": frame.names, "categorical": frame.categorical}
    (folder / _NAMES).write_text(json.dumps(names), encoding="utf-8")
