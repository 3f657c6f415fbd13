"""The space that is searched has the present params in it, and proposes nothing that params.yaml would not take."""

import math

import optuna
import pytest

from tasks.params import load_params
from tasks.params.ranker import BoosterParams
from tasks.schema import TASKS
from tasks.tuning.space import Range, Space, with_settings
from tests.shop import PROJECT

PARAMS = load_params(PROJECT / "params.yaml")


@pytest.mark.parametrize("task", TASKS)
def test_the_present_params_are_proposed_as_they_are(task: str) -> None:
    present: BoosterParams = getattr(PARAMS.ranker, task)
    space = Space.around(present, 6)
    assert with_settings(present, space.settings(space.proposal(present))) == present


def test_ranges_grow_to_what_is_present() -> None:
    present = PARAMS.ranker.new.model_copy(update={"num_leaves": 500, "lambda_l2": 0.0, "negatives": 1.0})
    ranges = Space.around(present, 6).ranges
    assert ranges["num_leaves"] == Range(7, 500, log=True, whole=True)
    assert ranges["negatives"] == Range(0.1, 1.0, log=True)
    assert ranges["lambda_l2"] == Range(0.0, 100.0), "a step cannot be a factor from 0 on"


def test_all_that_is_proposed_is_taken_and_has_few_digits() -> None:
    present = PARAMS.ranker.new
    space, study = Space.around(present, 6), optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    proposed = [space.suggested(study.ask()) for _ in range(200)]
    assert {settings["span"] for settings in proposed} == {2, 3, 4, 5, present.span}
    for settings in proposed:
        with_settings(present, settings)
        numbers = [value for value in settings.values() if isinstance(value, float)]
        assert all(value == round(value, 2 - math.floor(math.log10(value))) for value in numbers)
