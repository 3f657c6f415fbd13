"""What each booster learns from, and that none knows a week after the one that it was stopped on."""

from collections.abc import Mapping

import pytest

from tasks.params.ranker import BoosterParams
from tasks.reranking.lessons import Lesson, Lessons, plan_lessons

PARAMS = BoosterParams(rounds=1, patience=1, learning_rate=0.1, num_leaves=2, min_data_in_leaf=1, seed=5)


def planned(past: int, bought: Mapping[int, int] | None = None, **changed: int | None) -> Lessons[int]:
    """Of the train folds 0, 1, … and the validation fold after them, in each of which 10 were bought unless `bought`
    says another number."""
    counts = dict.fromkeys(range(past + 1), 10) | dict(bought or {})
    return plan_lessons(range(past), past, PARAMS.model_copy(update=changed), counts.__getitem__)


def learn(found: Lessons[int]) -> list[tuple[int, ...]]:
    return [lesson.learn for lesson in found.each]


def test_every_span_teaches_one_booster_which_the_fold_after_it_stops() -> None:
    assert planned(4, span=3).each == (Lesson((1, 2, 3), 4, 5), Lesson((0, 1, 2), 3, 5))


@pytest.mark.parametrize("span", [None, 4, 9])
def test_without_a_span_or_with_one_as_long_as_all_folds_there_is_one(span: int | None) -> None:
    assert learn(planned(4, span=span)) == [(0, 1, 2, 3)]


def test_few_purchases_are_learned_from_at_once() -> None:
    for below, few in ((40, False), (41, True)):
        found = planned(4, span=2, fusion_below=below)
        assert found.is_little == few
        assert (learn(found) == [(0, 1, 2, 3)]) == few


def test_of_fewer_folds_the_newest_are_used_and_counted() -> None:
    found = planned(6, folds=3, span=2, fusion_below=31)
    assert (found.past, found.purchases, found.is_little) == ((3, 4, 5), 30, True)
    assert learn(planned(6, folds=3, span=2)) == [(4, 5), (3, 4)]


def test_each_span_has_as_many_seeds_as_boosters() -> None:
    found = planned(3, span=2, boosters=2)
    assert [(lesson.learn, lesson.seed) for lesson in found.each] == [
        ((1, 2), 5),
        ((1, 2), 6),
        ((0, 1), 5),
        ((0, 1), 6),
    ]


def test_a_fold_without_a_purchase_stops_nothing_and_alone_teaches_nothing() -> None:
    assert learn(planned(4, {2: 0}, span=1)) == [(3,), (0,)]
    assert learn(planned(4, {2: 0}, span=2)) == [(2, 3), (1, 2)]


def test_where_no_span_is_left_all_folds_teach_at_once() -> None:
    assert learn(planned(3, {1: 0, 2: 0}, span=1)) == [(0, 1, 2)]


@pytest.mark.parametrize(("bought", "purchases"), [({0: 0, 1: 0}, 0), ({2: 0}, 20)])
def test_of_nothing_bought_nothing_is_learned(bought: Mapping[int, int], purchases: int) -> None:
    found = planned(2, bought, span=1)
    assert (found.each, found.purchases) == ((), purchases)


def test_a_fold_later_only_the_newest_is_new() -> None:
    later = plan_lessons(range(1, 7), 7, PARAMS.model_copy(update={"span": 3}), lambda _: 10)
    assert later.each[1:] == planned(6, span=3).each[:-1]
