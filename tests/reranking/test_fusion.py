"""Where the trees start from: the retrievers' ranks, fused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.features.frame import Frame
from tasks.params.ranker import BoosterParams
from tasks.reranking.examples import Examples, examples
from tasks.reranking.fitting import fit_ensemble
from tasks.reranking.fusion import Fusion
from tasks.reranking.ranker import Ensemble, Ranker

PARAMS = BoosterParams(
    objective="binary", rounds=20, patience=5, learning_rate=0.1, num_leaves=7, min_data_in_leaf=20, seed=1, threads=1
)
NAMES = ["als_rank", "popularity_rank", "noise"]
GROUP = 20


def shoppers(seed: int, count: int) -> Examples:
    """Two retrievers that each know a little of what is bought; each proposes half of the candidates."""
    rng = np.random.default_rng(seed)
    frames, bought = [], []
    for _ in range(count):
        taste = rng.normal(size=GROUP)
        frames.append(np.column_stack([ranks(taste + rng.normal(size=GROUP)) for _ in range(2)] + [rng.random(GROUP)]))
        bought.append(taste.argsort().argsort() >= GROUP - 2)
    matrix = np.concatenate(frames).astype(np.float32)
    keys = pd.DataFrame({"user_id": np.repeat(np.arange(count), GROUP), "item_id": np.tile(np.arange(GROUP), count)})
    return examples(Frame(keys, matrix, NAMES, []), np.concatenate(bought))


def ranks(scores: np.ndarray) -> np.ndarray:
    found = (-scores).argsort().argsort() + 1.0
    return np.where(found <= GROUP / 2, found, np.nan)


def test_the_fused_score_is_that_of_the_paper() -> None:
    """Ranks 1 and 3 give 1/61 + 1/63; a retriever that does not propose gives nothing."""
    matrix = np.array([[1, 3, 0.5], [np.nan, 2, 0.5]], np.float32)
    expected = np.log([1 / 61 + 1 / 63, 1 / 62])
    np.testing.assert_allclose(Fusion(0.0, 1.0).scores(matrix, NAMES), expected, rtol=1e-6)
    np.testing.assert_allclose(Fusion(-2.0, 3.0).scores(matrix, NAMES), 3 * expected - 2, rtol=1e-6)


def test_it_is_the_chance_that_a_candidate_is_bought() -> None:
    """A logistic regression's mean prediction is the share of positives."""
    found = shoppers(1, 300)
    odds = Fusion.fit(found).scores(found.matrix, found.names)
    assert np.mean(1 / (1 + np.exp(-odds))) == pytest.approx(found.label.mean(), rel=1e-3)


def test_where_all_or_none_were_bought_the_order_is_that_of_the_fused_ranks() -> None:
    found = shoppers(1, 3)
    for label in (np.zeros_like(found.label), np.ones_like(found.label)):
        one_kind = Examples(found.matrix, label, found.groups, found.names, found.categorical)
        assert Fusion.fit(one_kind) == Fusion(0.0, 1.0)


def test_ranks_that_say_the_opposite_are_not_turned_round() -> None:
    found = shoppers(1, 100)
    wrong = Examples(found.matrix, 1 - found.label, found.groups, found.names, found.categorical)
    assert Fusion.fit(wrong).weight == 0


def test_where_there_is_next_to_nothing_to_learn_from_the_order_is_that_of_the_fusion() -> None:
    """Three shoppers: no tree has a leaf of so many rows as it needs."""
    few, others = shoppers(1, 3), shoppers(2, 50)
    found = fit_ensemble([few], others, PARAMS.model_copy(update={"fusion_below": 10**9, "min_data_in_leaf": 1000}))
    assert found.fusion is not None
    fused = found.fusion.scores(others.matrix, others.names)
    assert (np.argsort(found.score(others.matrix, 1)) == np.argsort(fused)).all()


def test_trees_and_fusion_together_are_what_training_saw() -> None:
    """LightGBM's own sum of start and trees, on the rows that it learned from."""
    found = shoppers(1, 200)
    fitted = fit_ensemble([found], shoppers(2, 100), PARAMS.model_copy(update={"fusion_below": 10**9}))
    assert fitted.fusion is not None
    trees = np.asarray(fitted.boosters[0].predict(found.matrix, raw_score=True))
    whole = trees + fitted.fusion.scores(found.matrix, found.names)
    np.testing.assert_allclose(fitted.score(found.matrix, 1), whole)


def test_with_enough_to_learn_from_trees_start_from_nothing() -> None:
    found, others = shoppers(1, 100), shoppers(2, 50)
    bought = int(found.label.sum())
    for below, starts in ((bought, False), (bought + 1, True)):
        fitted = fit_ensemble([found], others, PARAMS.model_copy(update={"fusion_below": below}))
        assert (fitted.fusion is not None) == starts


def test_with_little_to_learn_from_trees_learn_the_chance_of_a_purchase() -> None:
    found, others = shoppers(1, 100), shoppers(2, 50)
    order = PARAMS.model_copy(update={"objective": "lambdarank"})
    for below, learned in ((0, "lambdarank"), (10**9, "binary")):
        fitted = fit_ensemble([found], others, order.model_copy(update={"fusion_below": below}))
        assert fitted.boosters[0].dump_model()["objective"].split()[0] == learned


def test_a_saved_ranker_starts_from_the_same_and_one_of_before_from_nothing(tmp_path: Path) -> None:
    found = shoppers(1, 100)
    fused = fit_ensemble([found], shoppers(2, 50), PARAMS.model_copy(update={"fusion_below": 10**9}))
    Ranker({"all": fused, "new": Ensemble(fused.boosters)}, {}).save(tmp_path)
    after = Ranker.load(tmp_path).ensembles
    assert after["all"].score(found.matrix, 1).tolist() == fused.score(found.matrix, 1).tolist()
    assert after["new"].fusion is None
    (tmp_path / "fusions.json").unlink()
    assert Ranker.load(tmp_path).ensembles["all"].fusion is None
