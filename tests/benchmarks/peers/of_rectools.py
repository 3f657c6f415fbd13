"""RecTools' single models: implicit's ALS and kNN as it wraps them, and its EASE."""

# They are in the peers' environment only.
# pyright: reportMissingImports=false

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import EASEModel, ImplicitALSWrapperModel, ImplicitItemKNNWrapperModel

from tasks.schema import ITEM, RANK, USER, Task
from tests.benchmarks.peers.history import History
from tests.benchmarks.peers.known import THREADS
from tests.benchmarks.peers.of_implicit import NEIGHBOURS, als

_MIDNIGHT = pd.Timestamp("2000-01-01")
"""Stands for the cutoff: RecTools splits at midnights of the time that it is told."""


def model_of(kind: str, settings: dict[str, Any]) -> Any:
    """A new one, not fitted."""
    if kind == "als":
        return ImplicitALSWrapperModel(als(**settings), recommend_n_threads=THREADS)
    if kind == "ease":
        return EASEModel(**settings, recommend_n_threads=THREADS)
    return ImplicitItemKNNWrapperModel(NEIGHBOURS[kind](K=settings["neighbours"], num_threads=THREADS))


def dataset_of_pairs(history: History, strength: str) -> Dataset:
    pairs = history.strength(strength).tocoo()
    return _dataset(history, pairs.row, pairs.col, pairs.data, np.zeros(pairs.nnz))


def dataset_of_lines(history: History, half_life: float | None) -> Dataset:
    """A row a (session, item), so that RecTools can split it in time."""
    age = history.lines["age"].to_numpy()
    weight = np.ones(len(age)) if half_life is None else 0.5 ** (age / half_life)
    return _dataset(history, history.lines["user"].to_numpy(), history.lines["item"].to_numpy(), weight, age)


def _dataset(
    history: History, user: NDArray[Any], item: NDArray[Any], weight: NDArray[Any], age: NDArray[np.float64]
) -> Dataset:
    frame = pd.DataFrame(
        {
            Columns.User: history.users[user],
            Columns.Item: history.items[item],
            Columns.Weight: weight.astype(np.float64),
            Columns.Datetime: _MIDNIGHT - pd.to_timedelta(age, unit="D"),
        }
    )
    return Dataset.construct(frame)


def asked(model: Any, dataset: Dataset, users: NDArray[Any], k: int, task: Task) -> pd.DataFrame:
    """`user_id, item_id, rank`; users that the dataset lacks have no list."""
    found = model.recommend(users, dataset, k=k, filter_viewed=task == "new", on_unsupported_targets="ignore")
    return found.rename(columns={Columns.User: USER, Columns.Item: ITEM, Columns.Rank: RANK})[[USER, ITEM, RANK]]


class RecToolsModel:
    """`most_bought`: how many items it knows of, those with the most buyers; None: all."""

    def __init__(self, kind: str, strength: str, most_bought: int | None = None, **settings: Any) -> None:
        self._kind, self._strength, self._most_bought, self._settings = kind, strength, most_bought, settings

    def fit(self, history: History, task: Task) -> None:  # noqa: ARG002 - one signature for all peers
        kept = history.of_most_bought(self._most_bought) if self._most_bought else history
        self._dataset = dataset_of_pairs(kept, self._strength)
        self._model = model_of(self._kind, self._settings)
        self._model.fit(self._dataset)

    def lists(self, users: NDArray[Any], k: int, task: Task) -> pd.DataFrame:
        return asked(self._model, self._dataset, users, k, task)
