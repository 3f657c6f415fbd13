"""The ranker: LightGBM LambdaRank (Burges: From RankNet to LambdaRank to LambdaMART, MSR-TR-2010-82), one a task."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.errors import DataContractError
from tasks.features.frame import Frame
from tasks.params import BoosterParams
from tasks.reranking.examples import Examples
from tasks.schema import TASKS, Task

Codes = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Ranker:
    boosters: Mapping[Task, lgb.Booster]
    codes: Codes
    """Category column to the codes that the boosters learned."""

    def score(self, frame: Frame, task: Task) -> NDArray[np.float64]:
        """(n_rows,), the higher the better within one user. Columns are found by name, in whatever order they come.

        Raises DataContractError where a feature that the ranker learned is missing.
        """
        booster = self.boosters[task]
        learned = booster.feature_name()
        missing = sorted(set(learned) - set(frame.names))
        if missing:
            raise DataContractError(f"the state lacks features that the ranker learned: {missing}; rebuild the state")
        place = {name: position for position, name in enumerate(frame.names)}
        if frame.matrix.shape[0] == 0:
            return np.empty(0)
        scores = booster.predict(frame.matrix[:, [place[name] for name in learned]])
        return np.asarray(scores, np.float64)

    def importance(self) -> pd.DataFrame:
        """`task, feature, gain`."""
        parts = [
            pd.DataFrame({"task": t, "feature": b.feature_name(), "gain": b.feature_importance("gain")})
            for t, b in self.boosters.items()
        ]
        return pd.concat(parts, ignore_index=True)

    def save(self, folder: Path) -> None:
        """Boosters as text, codes as JSON."""
        folder.mkdir(parents=True, exist_ok=True)
        for task, booster in self.boosters.items():
            booster.save_model(folder / f"{task}.txt")
        (folder / "codes.json").write_text(json.dumps(self.codes, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        codes = json.loads((folder / "codes.json").read_text(encoding="utf-8"))
        return cls({t: lgb.Booster(model_file=folder / f"{t}.txt") for t in TASKS}, codes)


def fit_booster(train: Examples, validation: Examples, params: BoosterParams) -> lgb.Booster:
    """Boosts on the train folds until NDCG@`stop_at` on the validation fold stops rising; the best round is kept.

    The same examples give the same trees, on any number of threads.
    """
    learned = _dataset(train)
    booster = lgb.train(
        _settings(params),
        learned,
        num_boost_round=params.rounds,
        valid_sets=[_dataset(validation, reference=learned)],
        callbacks=[lgb.early_stopping(params.patience, verbose=False)],
    )
    return lgb.Booster(model_str=booster.model_to_string(num_iteration=booster.best_iteration))


def _settings(params: BoosterParams) -> dict[str, Any]:
    return {
        "objective": params.objective,
        "metric": "ndcg",
        "eval_at": [params.stop_at],
        "learning_rate": params.learning_rate,
        "num_leaves": params.num_leaves,
        "min_data_in_leaf": params.min_data_in_leaf,
        "feature_fraction": params.feature_fraction,
        "bagging_fraction": params.bagging_fraction,
        "bagging_freq": 1,
        "lambda_l2": params.lambda_l2,
        "cat_smooth": params.cat_smooth,
        "lambdarank_truncation_level": params.truncation_level,
        "seed": params.seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": params.threads,
        "verbose": -1,
    }


def _dataset(examples: Examples, reference: lgb.Dataset | None = None) -> lgb.Dataset:
    return lgb.Dataset(
        examples.matrix,
        examples.label,
        group=examples.groups,
        feature_name=examples.names,
        categorical_feature=examples.categorical,
        reference=reference,
        params={"verbose": -1},
    )
