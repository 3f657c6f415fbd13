"""How boosters learn: trees of LightGBM, by LambdaRank (Burges: From RankNet to LambdaRank to LambdaMART,
MSR-TR-2010-82) or by the chance that a candidate is bought; from nothing, or from what the retrievers say together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np

from tasks.params.ranker import BoosterParams
from tasks.reranking.examples import Examples, concatenated
from tasks.reranking.fusion import Fusion
from tasks.reranking.lessons import plan_lessons
from tasks.reranking.ranker import Ensemble


@dataclass(frozen=True)
class Fitted:
    booster: lgb.Booster
    scale: float
    """1 / standard deviation of its scores on the fold that it was stopped on; 1 where they tell nothing apart."""


def fit_booster(
    train: Examples, stop_on: Examples, params: BoosterParams, seed: int, fusion: Fusion | None = None
) -> Fitted:
    """Boosts on `train` until NDCG@`stop_at` on `stop_on` stops rising; the best round is kept.

    The same examples give the same trees, on any number of threads.
    """
    objective = params.objective if fusion is None else "binary"
    learned = _dataset(train, params, fusion)
    booster = lgb.train(
        _settings(params, objective, seed),
        learned,
        num_boost_round=params.rounds,
        valid_sets=[_dataset(stop_on, params, fusion, reference=learned)],
        callbacks=[lgb.early_stopping(params.patience, verbose=False)],
    )
    best = lgb.Booster(model_str=booster.model_to_string(num_iteration=booster.best_iteration))
    spread = float(np.std(Ensemble([best]).score(stop_on.matrix, params.threads)))
    return Fitted(best, 1 / spread if spread > 0 else 1.0)


def fit_ensemble(past: Sequence[Examples], validation: Examples, params: BoosterParams) -> Ensemble:
    """All boosters of one task, of the examples of the train folds, from the oldest to the newest."""
    planned = plan_lessons(past, validation, params, lambda fold: int(fold.label.sum()))
    fusion = Fusion.fit(concatenated(planned.past)) if planned.is_little else None
    fitted = [
        fit_booster(concatenated(lesson.learn), lesson.stop, params, lesson.seed, fusion) for lesson in planned.each
    ]
    return ensemble(fitted, fusion)


def ensemble(fitted: Sequence[Fitted], fusion: Fusion | None) -> Ensemble:
    """On top of a fusion scores are log-odds, and stay as they are; others count by what they tell apart."""
    scales = None if fusion is not None else [one.scale for one in fitted]
    return Ensemble([one.booster for one in fitted], fusion, scales)


def _settings(params: BoosterParams, objective: str, seed: int) -> dict[str, Any]:
    return {
        "objective": objective,
        "metric": "ndcg",
        "eval_at": [params.stop_at],
        "learning_rate": params.learning_rate,
        "num_leaves": params.num_leaves,
        "min_data_in_leaf": params.min_data_in_leaf,
        "feature_fraction": params.feature_fraction,
        "bagging_fraction": params.bagging_fraction,
        "bagging_freq": 1,
        "bagging_by_query": params.bagging_by_query,
        "lambda_l2": params.lambda_l2,
        "cat_smooth": params.cat_smooth,
        "lambdarank_truncation_level": params.truncation_level,
        "seed": seed,
        "deterministic": True,
        "force_col_wise": True,
        # On several threads LightGBM 4.7 was seen to learn other trees each time it draws lists, deterministic or not.
        "num_threads": 1 if params.bagging_by_query else params.threads,
        "verbose": -1,
    }


def _dataset(
    examples: Examples, params: BoosterParams, fusion: Fusion | None, reference: lgb.Dataset | None = None
) -> lgb.Dataset:
    return lgb.Dataset(
        examples.matrix,
        examples.label,
        group=examples.groups,
        init_score=fusion.scores(examples.matrix, examples.names) if fusion else None,
        feature_name=examples.names,
        categorical_feature=examples.categorical,
        reference=reference,
        params={"verbose": -1, "cat_smooth": params.cat_smooth},
    )
