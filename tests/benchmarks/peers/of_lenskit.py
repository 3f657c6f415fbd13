"""LensKit's scorers in its own top-n pipeline."""

# They are in the peers' environment only.
# pyright: reportMissingImports=false

from abc import ABC, abstractmethod
from typing import Any

import pandas as pd
from lenskit.als import ImplicitMFScorer
from lenskit.basic.candidates import TrainingItemsCandidateConfig, TrainingItemsCandidateSelector
from lenskit.batch import recommend
from lenskit.data import from_interactions_df
from lenskit.knn import ItemKNNScorer
from lenskit.pipeline.common import RecPipelineBuilder
from lenskit.training import TrainingOptions
from numpy.typing import NDArray

from tasks.schema import ITEM, RANK, USER, Task
from tests.benchmarks.peers.history import History

SEED = 1


class _LensKit(ABC):
    """`most_bought`: how many items it knows of, those with the most buyers."""

    def __init__(self, strength: str, most_bought: int) -> None:
        self._strength, self._most_bought = strength, most_bought

    @abstractmethod
    def _scorer(self) -> Any: ...

    def fit(self, history: History, task: Task) -> None:
        kept = history.of_most_bought(self._most_bought)
        pairs = kept.strength(self._strength).tocoo()
        frame = pd.DataFrame({USER: kept.users[pairs.row], ITEM: kept.items[pairs.col], "rating": pairs.data})
        builder = RecPipelineBuilder()
        builder.scorer(self._scorer())
        exclude = "history" if task == "new" else None
        builder.candidate_selector(TrainingItemsCandidateSelector, TrainingItemsCandidateConfig(exclude=exclude))
        self._pipeline = builder.build()
        self._pipeline.train(from_interactions_df(frame), TrainingOptions(rng=SEED))

    def lists(self, users: NDArray[Any], k: int, task: Task) -> pd.DataFrame:  # noqa: ARG002 - fitted for it
        found = recommend(self._pipeline, users.tolist(), k, n_jobs=1).to_df()
        return found.rename(columns={"user_id": USER, "item_id": ITEM, "rank": RANK})[[USER, ITEM, RANK]]


class LensKitItemKnn(_LensKit):
    """It never counts an item among its own neighbours, so what a shopper owns has no head start."""

    def __init__(self, strength: str, most_bought: int, neighbours: int) -> None:
        super().__init__(strength, most_bought)
        self._neighbours = neighbours

    def _scorer(self) -> ItemKNNScorer:
        return ItemKNNScorer(max_nbrs=self._neighbours, save_nbrs=500, feedback="implicit")


class LensKitImplicitMf(_LensKit):
    def __init__(
        self, strength: str, most_bought: int, factors: int, weight: float, regularization: float, epochs: int
    ) -> None:
        super().__init__(strength, most_bought)
        self._settings = {
            "embedding_size": factors,
            "weight": weight,
            "regularization": regularization,
            "epochs": epochs,
            "use_ratings": strength != "once",
        }

    def _scorer(self) -> ImplicitMFScorer:
        return ImplicitMFScorer(**self._settings)
