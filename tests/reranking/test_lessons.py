"""What each booster learns from, and that none knows a week after the one that it was stopped on."""

import pytest

from tasks.params import BoosterParams
from tasks.reranking.lessons import Lesson, lessons

PARAMS = BoosterParams(rounds=1, patience=1, learning_rate=0.1, num_leaves=2, min_data_in_leaf=1, seed=5)


def planned(past: int, all_at_once: bool = False, **changed: int | None) -> list[Lesson[int]]:
    """Of the train folds 0, 1, …, and the validation fold after them."""
    return lessons(range(past), past, PARAMS.model_copy(update=changed), all_at_once)


def test_every_span_teaches_one_booster_which_the_fold_after_it_stops() -> None:
    found = planned(4, span=3)
    assert [(lesson.learn, lesson.stop, lesson.seed) for lesson in found] == [((1, 2, 3), 4, 5), ((0, 1, 2), 3, 5)]


@pytest.mark.parametrize("span", [None, 4, 9])
def test_without_a_span_or_with_one_as_long_as_all_folds_there_is_one(span: int | None) -> None:
    assert [lesson.learn for lesson in planned(4, span=span)] == [(0, 1, 2, 3)]


def test_all_at_once_is_one_whatever_the_span() -> None:
    assert [lesson.learn for lesson in planned(4, all_at_once=True, span=2)] == [(0, 1, 2, 3)]


def test_of_fewer_folds_the_newest_are_used() -> None:
    assert [lesson.learn for lesson in planned(6, folds=3, span=2)] == [(4, 5), (3, 4)]


def test_each_span_has_as_many_seeds_as_boosters() -> None:
    found = planned(3, span=2, boosters=2)
    assert [(lesson.learn, lesson.seed) for lesson in found] == [((1, 2), 5), ((1, 2), 6), ((0, 1), 5), ((0, 1), 6)]


def test_a_fold_later_only_the_newest_is_new() -> None:
    later = lessons(range(1, 7), 7, PARAMS.model_copy(update={"span": 3}), all_at_once=False)
    assert later[1:] == planned(6, span=3)[:-1]
