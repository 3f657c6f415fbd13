"""RecTools' two-stage model: candidates of several of its models, ranked by LightGBM's LambdaRank."""

# They are in the peers' environment only.
# pyright: reportMissingImports=false

from typing import Any

import numpy as np
import pandas as pd
from lightgbm import LGBMRanker
from numpy.typing import NDArray
from rectools import Columns
from rectools.dataset import Dataset
from rectools.model_selection import TimeRangeSplitter
from rectools.models import PopularModel
from rectools.models.ranking import (
    CandidateFeatureCollector,
    CandidateGenerator,
    CandidateRankingModel,
    PerUserNegativeSampler,
    Reranker,
)

from tasks.schema import Task
from tests.benchmarks.peers.history import History
from tests.benchmarks.peers.known import THREADS
from tests.benchmarks.peers.of_implicit import SEED
from tests.benchmarks.peers.of_rectools import asked, dataset_of_lines, model_of

_NEVER = 1e6
"""Rank where a generator did not propose the pair."""


class LambdaRankReranker(Reranker):
    """RecTools hands over rows in no order; LambdaRank wants those of a user together, and how many there are."""

    def prepare_fit_kwargs(self, candidates_with_target: pd.DataFrame) -> dict[str, Any]:
        grouped = candidates_with_target.sort_values(Columns.User, kind="stable")
        sizes = grouped.groupby(Columns.User, sort=False).size().to_numpy()
        return super().prepare_fit_kwargs(grouped) | {"group": sizes}


class Counts(CandidateFeatureCollector):
    """What the interactions alone say of a pair, its user and its item, as RecTools has one write it."""

    def _get_user_features(self, users: Any, dataset: Dataset, fold_info: Any) -> pd.DataFrame:  # noqa: ARG002
        rows = dataset.get_raw_interactions(include_weight=False)
        return rows.groupby(Columns.User, as_index=False).agg(
            user_lines=(Columns.Item, "size"), user_items=(Columns.Item, "nunique")
        )

    def _get_item_features(self, items: Any, dataset: Dataset, fold_info: Any) -> pd.DataFrame:  # noqa: ARG002
        rows = dataset.get_raw_interactions(include_weight=False)
        return rows.groupby(Columns.Item, as_index=False).agg(
            item_lines=(Columns.User, "size"), item_buyers=(Columns.User, "nunique")
        )

    def _get_user_item_features(self, useritem: pd.DataFrame, dataset: Dataset, fold_info: Any) -> pd.DataFrame:  # noqa: ARG002
        rows = dataset.get_raw_interactions()
        rows = rows[rows[Columns.User].isin(useritem[Columns.User].unique())]
        newest = rows[Columns.Datetime].max()
        found = rows.groupby(Columns.UserItem, as_index=False).agg(
            times=(Columns.Weight, "size"), decayed=(Columns.Weight, "sum"), last=(Columns.Datetime, "max")
        )
        days = (newest - found.pop("last")) / pd.Timedelta(days=1)
        return found.assign(days_since=days, decayed=np.log(found["decayed"]))


class RecToolsTwoStage:
    """`generators`: kinds of models to how many candidates each proposes; `features`: whether counts are added."""

    def __init__(
        self,
        generators: dict[str, int],
        models: dict[str, dict[str, Any]],
        half_life: float | None,
        most_bought: int,
        features: bool,
        negatives: int,
        trees: int,
    ) -> None:
        self._generators, self._models, self._features = generators, models, features
        self._half_life, self._most_bought, self._negatives, self._trees = half_life, most_bought, negatives, trees

    def fit(self, history: History, task: Task) -> None:
        self._dataset = dataset_of_lines(history.of_most_bought(self._most_bought), self._half_life)
        ranker = LGBMRanker(
            n_estimators=self._trees, learning_rate=0.05, random_state=SEED, n_jobs=THREADS, verbosity=-1
        )
        self._model = CandidateRankingModel(
            candidate_generators=[self._generator(kind, n) for kind, n in self._generators.items()],
            splitter=TimeRangeSplitter("7D", n_splits=1, filter_already_seen=task == "new"),
            reranker=LambdaRankReranker(ranker),
            sampler=PerUserNegativeSampler(self._negatives, random_state=SEED),
            feature_collector=Counts() if self._features else None,
        )
        self._model.fit(self._dataset)

    def lists(self, users: NDArray[Any], k: int, task: Task) -> pd.DataFrame:
        return asked(self._model, self._dataset, users, k, task)

    def _generator(self, kind: str, n: int) -> CandidateGenerator:
        model = PopularModel() if kind == "popular" else model_of(kind, self._models[kind])
        return CandidateGenerator(model, n, True, True, scores_fillna_value=0.0, ranks_fillna_value=_NEVER)
