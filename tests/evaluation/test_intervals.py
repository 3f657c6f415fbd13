"""Bootstrap intervals: against theory, scipy, and their own laws."""

import numpy as np
import pytest
from scipy import stats

from tasks.evaluation import intervals
from tasks.evaluation.intervals import bootstrap


def test_the_interval_of_a_mean_is_close_to_that_of_the_normal_law() -> None:
    values = np.random.default_rng(0).normal(0.3, 0.2, (1500, 1))
    found = bootstrap(values, draws=4000, seed=1)
    half = 1.96 * values.std() / np.sqrt(1500)
    assert found.mean[0] == pytest.approx(values.mean())
    assert found.low[0] == pytest.approx(values.mean() - half, abs=0.0008)
    assert found.high[0] == pytest.approx(values.mean() + half, abs=0.0008)


def test_it_agrees_with_scipy() -> None:
    values = np.random.default_rng(4).exponential(0.1, 300)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=6000, method="percentile", rng=8).confidence_interval
    ours = bootstrap(values[:, None], draws=6000, seed=2)
    assert (ours.low[0], ours.high[0]) == pytest.approx(tuple(theirs), abs=0.0006)


def test_pairing_makes_a_small_steady_lift_certain_where_two_wide_intervals_overlap() -> None:
    base = np.random.default_rng(1).random(200)
    better = base + 0.01
    found = bootstrap(np.column_stack([base, better, better - base]), draws=500, seed=0)
    assert found.high[0] > found.low[1]
    assert (found.low[2], found.high[2]) == pytest.approx((0.01, 0.01))


def test_a_user_of_nan_does_not_count() -> None:
    values = np.random.default_rng(2).random(100)
    half = np.where(np.arange(100) < 50, values, np.nan)
    found = bootstrap(np.column_stack([half, np.full(100, np.nan)]), draws=500, seed=0)
    alone = bootstrap(values[:50, None], draws=500, seed=0)
    assert found.mean[0] == pytest.approx(values[:50].mean())
    assert (found.low[0], found.high[0]) == pytest.approx((alone.low[0], alone.high[0]), abs=0.02)
    assert np.isnan([found.mean[1], found.low[1], found.high[1]]).all()


def test_same_seed_same_interval_whatever_stands_beside_it() -> None:
    values = np.random.default_rng(3).random((120, 4))
    together, alone = bootstrap(values, draws=300, seed=9), bootstrap(values[:, 2:3], draws=300, seed=9)
    assert together.low[2] == pytest.approx(alone.low[0], abs=1e-12)
    assert bootstrap(values, 300, 9).high.tolist() == together.high.tolist()
    assert bootstrap(values, 300, 10).high.tolist() != together.high.tolist()


def test_a_column_may_have_a_level_of_its_own() -> None:
    values = np.random.default_rng(6).random((80, 2))
    both = bootstrap(values, 400, 1, np.array([0.8, 0.99]))
    assert both.low[0] == bootstrap(values, 400, 1, 0.8).low[0]
    assert both.high[1] == bootstrap(values, 400, 1, 0.99).high[1]


def test_blocks_of_draws_give_what_one_block_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(3).random((50, 2))
    at_once = bootstrap(values, draws=200, seed=5)
    monkeypatch.setattr(intervals, "_BLOCK_ELEMENTS", 50 * 7)
    assert bootstrap(values, draws=200, seed=5).low == pytest.approx(at_once.low)
