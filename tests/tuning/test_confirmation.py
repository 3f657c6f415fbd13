"""When a winner is better: of known values a user, so that no ranker has to be learned."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.params.evaluation import EvaluationParams
from tasks.params.ranker import BoosterParams
from tasks.tuning.confirmation import Confirmation, Confirmed, other_seeds
from tasks.tuning.weeks import Week, Weeks
from tests.tuning.test_judging import folds

PRESENT = BoosterParams(rounds=10, patience=1, learning_rate=0.1, num_leaves=31, min_data_in_leaf=5, seed=1, boosters=3)
WINNER = PRESENT.model_copy(update={"num_leaves": 15})
USERS = pd.Index([f"u{n}" for n in range(100)], name="user_id")


def confirmed(kept: Path, gains: Mapping[str, float], spread: float = 0.0, train: int = 4) -> Confirmed:
    """`gains`: how much more the winner has in a week, for a mean user; `spread`: by how much users differ in that."""

    def values(week: Week, params: BoosterParams) -> pd.Series:
        of_seed = np.random.default_rng(params.seed).normal(0, 0.01)  # for both the same
        found = pd.Series(np.linspace(0.1, 0.6, len(USERS)) + of_seed, index=USERS)
        of_users = np.random.default_rng(0).normal(0, 1, len(USERS))
        return found + (params == WINNER.model_copy(update={"seed": params.seed})) * (
            gains[week.name] + spread * (of_users - of_users.mean())
        )

    weeks = Weeks.of(folds(train), 2)
    confirmation = Confirmation(values, weeks, EvaluationParams(), kept)
    return confirmation.confirm(PRESENT, WINNER, other_seeds(PRESENT, 2), lambda _: None)


def test_a_gain_that_all_users_have_is_shown_as_it_is(tmp_path: Path) -> None:
    found = confirmed(tmp_path, {"validation": 0.03, "train-1": 0.01, "train-2": 0.02})
    pooled = found.pooled
    assert [pooled.gain, pooled.low, pooled.high] == pytest.approx([0.02] * 3)
    assert [week.gain for week in found.by_week] == pytest.approx([0.03, 0.01])
    assert found.is_shown
    assert found.why == (
        "the winner is better: NDCG@10 +0.0200 (95 % interval +0.0200 to +0.0200) over all judged weeks, and +0.0200 in"
        " week train-2, which no trial was judged on"
    )


def test_a_gain_that_chance_explains_is_not(tmp_path: Path) -> None:
    """Users differ by 0.3, so the mean of 100 is known to some 0.06."""
    found = confirmed(tmp_path, {"validation": 0.02, "train-1": 0.02, "train-2": 0.02}, spread=0.3)
    assert found.pooled.gain == pytest.approx(0.02)
    assert found.pooled.low < 0 < found.pooled.high
    assert not found.is_shown
    assert found.why.startswith("nothing is shown: NDCG@10 +0.0200")


def test_weeks_of_one_user_are_not_taken_for_independent(tmp_path: Path) -> None:
    """The same users gain in both weeks: two weeks tell no more than one."""
    same = {"validation": 0.02, "train-1": 0.02, "train-2": 0.02}
    found = confirmed(tmp_path, same, spread=0.3)
    assert found.pooled.high - found.pooled.low == pytest.approx(found.by_week[0].high - found.by_week[0].low)


def test_a_winner_that_is_worse_where_no_trial_was_judged_is_not_shown(tmp_path: Path) -> None:
    found = confirmed(tmp_path, {"validation": 0.03, "train-1": 0.03, "train-2": -0.001})
    assert found.pooled.low > 0
    assert not found.is_shown
    assert "but -0.0010 in week train-2" in found.why


def test_without_a_week_aside_the_judged_ones_decide(tmp_path: Path) -> None:
    found = confirmed(tmp_path, {"validation": 0.03, "train-1": 0.03}, train=3)
    assert found.aside is None
    assert found.is_shown


def test_other_seeds_are_those_of_no_booster_that_was_tried() -> None:
    tried = {PRESENT.seed + n for n in range(PRESENT.boosters)}
    assert not tried & {seed + n for seed in other_seeds(PRESENT, 3) for n in range(PRESENT.boosters)}


def test_what_was_learned_is_not_learned_again(tmp_path: Path) -> None:
    """Asked again, of values that would be others now."""
    first = confirmed(tmp_path, {"validation": 0.03, "train-1": 0.01, "train-2": 0.02})
    assert confirmed(tmp_path, {"validation": 0.0, "train-1": 0.0, "train-2": 0.0}) == first
