"""The ranker finds what decides, and does so the same way every time."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from tasks.errors import DataContractError
from tasks.features.frame import Frame
from tasks.params.ranker import BoosterParams
from tasks.reranking.examples import Examples, examples
from tasks.reranking.fitting import fit_ensemble
from tasks.reranking.ranker import Ensemble, Ranker

PARAMS = BoosterParams(rounds=40, patience=10, learning_rate=0.1, num_leaves=7, min_data_in_leaf=5, seed=1, threads=1)
NAMES = ["noise", "planted", "section_code", "gaps"]
GROUP = 12


def shoppers(seed: int, count: int = 150) -> tuple[Frame, NDArray[np.bool_]]:
    """Each has 12 candidates and buys the one with the highest `planted`, whatever else there is."""
    rng = np.random.default_rng(seed)
    rows = count * GROUP
    planted = rng.permuted(np.tile(np.arange(GROUP, dtype=np.float32), (count, 1)), axis=1)
    gaps = np.where(rng.random(rows) < 0.5, np.nan, rng.random(rows))
    matrix = np.column_stack([rng.random(rows), planted.ravel(), rng.integers(0, 4, rows), gaps]).astype(np.float32)
    keys = pd.DataFrame({"user_id": np.repeat(np.arange(count), GROUP), "item_id": np.tile(np.arange(GROUP), count)})
    return Frame(keys, matrix, NAMES, ["section_code"]), (planted == GROUP - 1).ravel()


def learned(params: BoosterParams = PARAMS) -> Ranker:
    ensemble = fit_ensemble([examples(*shoppers(1))], examples(*shoppers(2, 60)), params)
    return Ranker({"all": ensemble, "new": ensemble}, {"section": {"a": 0, "b": 1, "c": 2, "d": 3}})


def trees(ranker: Ranker) -> str:
    """Without the list of settings, which names the number of threads."""
    return ranker.ensembles["all"].boosters[0].model_to_string().partition("\nparameters:")[0]


@pytest.fixture(scope="module")
def ranker() -> Ranker:
    return learned()


def test_the_planted_feature_decides_for_shoppers_never_seen(ranker: Ranker) -> None:
    frame, bought = shoppers(3)
    best = ranker.score(frame, "all").reshape(-1, GROUP).argmax(axis=1)
    assert best.tolist() == bought.reshape(-1, GROUP).argmax(axis=1).tolist()


def test_the_planted_feature_has_the_gain(ranker: Ranker) -> None:
    gain = ranker.importance().query("task == 'all'").set_index("feature")["gain"]
    assert set(gain.index) == set(NAMES)
    assert gain["planted"] > 0.8 * gain.sum()


def test_native_categories_are_told_apart() -> None:
    """What is bought are the sections 0 and 2: no single cut between numbers says so, one tree of one split does."""
    rng = np.random.default_rng(4)
    section = np.column_stack([rng.permutation(4) for _ in range(200)]).T.ravel().astype(np.float32)
    keys = pd.DataFrame({"user_id": np.repeat(np.arange(200), 4), "item_id": np.tile(np.arange(4), 200)})
    frame = Frame(keys, section[:, None], ["section_code"], ["section_code"])
    found = examples(frame, np.isin(section, [0, 2]))
    ensemble = fit_ensemble([found], found, PARAMS.model_copy(update={"num_leaves": 2, "rounds": 1, "cat_smooth": 1.0}))
    scores = Ranker({"all": ensemble, "new": ensemble}, {}).score(frame, "all")
    assert scores[np.isin(section, [0, 2])].min() > scores[~np.isin(section, [0, 2])].max()


def test_the_same_examples_give_the_same_model_to_the_last_digit(ranker: Ranker) -> None:
    assert (
        learned().ensembles["all"].boosters[0].model_to_string()
        == ranker.ensembles["all"].boosters[0].model_to_string()
    )


@pytest.mark.parametrize("chance", [{}, {"bagging_fraction": 0.8}, {"bagging_fraction": 0.8, "bagging_by_query": True}])
def test_the_same_trees_grow_on_one_thread_and_on_two(chance: dict[str, Any]) -> None:
    one, two = (learned(PARAMS.model_copy(update=chance | {"threads": threads})) for threads in (1, 2))
    assert trees(one) == trees(two)


def test_another_seed_grows_other_trees_where_chance_has_a_part(ranker: Ranker) -> None:
    chance = {"bagging_fraction": 0.5, "feature_fraction": 0.5}
    one, two = (learned(PARAMS.model_copy(update=chance | {"seed": seed})) for seed in (1, 2))
    assert trees(one) != trees(two)
    assert trees(one) != trees(ranker)


def test_several_boosters_differ_by_seed_and_their_scores_are_averaged(tmp_path: Path) -> None:
    chance = PARAMS.model_copy(update={"bagging_fraction": 0.5, "bagging_by_query": True, "boosters": 3})
    three, frame = learned(chance), shoppers(3)[0]
    alone = [learned(chance.model_copy(update={"boosters": 1, "seed": PARAMS.seed + n})) for n in range(3)]
    mean = np.mean([one.score(frame, "all") for one in alone], axis=0)
    np.testing.assert_array_equal(three.score(frame, "all"), mean)
    assert len({trees(one) for one in alone}) == 3
    learned(chance.model_copy(update={"boosters": 4})).save(tmp_path)
    three.save(tmp_path)  # over the four of another ranker
    np.testing.assert_array_equal(Ranker.load(tmp_path).score(frame, "all"), mean)


SPANS = PARAMS.model_copy(update={"span": 2, "bagging_fraction": 0.5, "feature_fraction": 0.5})


def weeks(*seeds: int) -> list[Examples]:
    return [examples(*shoppers(seed, 60)) for seed in seeds]


def test_a_week_later_all_boosters_but_the_newest_are_those_of_the_week_before() -> None:
    folds = weeks(1, 2, 3, 4, 5, 6)
    before, after = (fit_ensemble(past, stop_on, SPANS) for *past, stop_on in (folds[:-1], folds[1:]))
    trees = [[one.model_to_string() for one in found.boosters] for found in (before, after)]
    assert len(trees[0]) == 3
    assert trees[1][1:] == trees[0][:-1]
    assert trees[1][0] not in trees[0]
    assert after.scales is not None
    assert before.scales is not None
    assert list(after.scales)[1:] == list(before.scales)[:-1]


def test_each_booster_of_a_span_learned_from_it_alone_and_has_the_same_say() -> None:
    one, two, three, stop_on = weeks(1, 2, 3, 4)
    found = fit_ensemble([one, two, three], stop_on, SPANS)
    alone = [fit_ensemble([two, three], stop_on, SPANS), fit_ensemble([one, two], three, SPANS)]
    assert [b.model_to_string() for b in found.boosters] == [each.boosters[0].model_to_string() for each in alone]
    raw = [
        Ensemble(each.boosters).score(stopped.matrix, 1) for each, stopped in zip(alone, (stop_on, three), strict=True)
    ]
    np.testing.assert_allclose(found.scales or [], [1 / scores.std() for scores in raw])


def test_a_booster_that_tells_nothing_apart_leaves_the_order_to_the_others() -> None:
    seeing, rows = weeks(1)[0], weeks(5)[0].matrix
    blind = replace(seeing, matrix=np.zeros_like(seeing.matrix))
    found = fit_ensemble([blind, seeing], weeks(4)[0], SPANS.model_copy(update={"span": 1}))
    scores = [Ensemble([booster]).score(rows, 1) for booster in found.boosters]
    assert [np.ptp(one) > 0 for one in scores] == [True, False]
    assert (np.argsort(found.score(rows, 1), kind="stable") == np.argsort(scores[0], kind="stable")).all()


def test_a_saved_ranker_of_spans_scores_the_same(tmp_path: Path) -> None:
    found = fit_ensemble(weeks(1, 2, 3), weeks(4)[0], SPANS)
    Ranker({"all": found, "new": Ensemble(found.boosters[:1])}, {}).save(tmp_path)
    after, rows = Ranker.load(tmp_path).ensembles, weeks(5)[0].matrix
    assert after["all"].score(rows, 1).tolist() == found.score(rows, 1).tolist()
    assert after["new"].scales is None
    (tmp_path / "scales.json").unlink()  # as in a ranker of before
    assert Ranker.load(tmp_path).ensembles["all"].scales is None


def test_training_stops_when_the_validation_fold_has_learned_enough() -> None:
    found = fit_ensemble(
        [examples(*shoppers(1))], examples(*shoppers(2, 60)), PARAMS.model_copy(update={"rounds": 400, "patience": 5})
    )
    assert found.boosters[0].num_trees() < 400


def test_a_group_is_what_is_compared() -> None:
    """A feature that differs between shoppers only teaches nothing about the order within one."""
    frame, bought = shoppers(1)
    matrix = frame.matrix[:, [0]] * 0 + frame.keys["user_id"].to_numpy(np.float32)[:, None]
    found = examples(Frame(frame.keys, matrix, ["who"], []), bought)
    ensemble = fit_ensemble([found], found, PARAMS)
    scores = Ranker({"all": ensemble, "new": ensemble}, {}).score(Frame(frame.keys, matrix, ["who"], []), "all")
    assert (np.ptp(scores.reshape(-1, GROUP), axis=1) == 0).all()


def test_the_order_of_columns_is_irrelevant(ranker: Ranker) -> None:
    frame, _ = shoppers(3)
    order = [2, 0, 3, 1]
    turned = Frame(frame.keys, frame.matrix[:, order], [NAMES[n] for n in order], frame.categorical)
    assert ranker.score(turned, "all").tolist() == ranker.score(frame, "all").tolist()


def test_a_column_that_it_never_learned_is_left_aside(ranker: Ranker) -> None:
    frame, _ = shoppers(3)
    more = Frame(frame.keys, np.c_[frame.matrix, frame.matrix[:, 0]], [*NAMES, "later"], frame.categorical)
    assert ranker.score(more, "all").tolist() == ranker.score(frame, "all").tolist()


def test_a_missing_feature_is_an_error_that_names_it(ranker: Ranker) -> None:
    frame, _ = shoppers(3)
    less = Frame(frame.keys, frame.matrix[:, [0, 2]], ["noise", "section_code"], frame.categorical)
    with pytest.raises(DataContractError, match=r"lacks features that the ranker learned: \['gaps', 'planted'\]"):
        ranker.score(less, "all")


def test_no_rows_have_no_scores(ranker: Ranker) -> None:
    frame, _ = shoppers(3)
    empty = Frame(frame.keys.iloc[:0], frame.matrix[:0], NAMES, frame.categorical)
    assert ranker.score(empty, "all").tolist() == []


def test_a_saved_ranker_scores_the_same_and_is_text(ranker: Ranker, tmp_path: Path) -> None:
    ranker.save(tmp_path)
    after = Ranker.load(tmp_path)
    frame, _ = shoppers(3)
    assert after.score(frame, "new").tolist() == ranker.score(frame, "new").tolist()
    assert after.codes == ranker.codes
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "all-1.txt",
        "codes.json",
        "fusions.json",
        "new-1.txt",
        "scales.json",
    ]
    assert all(path.read_text(encoding="utf-8") for path in tmp_path.iterdir())


def test_learning_leaves_the_examples_as_they_were() -> None:
    train = examples(*shoppers(1))
    before = Examples(train.matrix.copy(), train.label.copy(), train.groups.copy(), train.names, train.categorical)
    fit_ensemble([train], examples(*shoppers(2)), PARAMS)
    np.testing.assert_array_equal(train.matrix, before.matrix)
    np.testing.assert_array_equal(train.label, before.label)
