"""The error of many gates, by formula and by drawing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tasks.params.promotion import PromotionParams
from tasks.promotion.spending import expanded, level_of, place, tail_of_a_gain
from tests.promotion.evidence import PARAMS


def test_a_year_of_gates_spends_the_whole_budget_and_no_more() -> None:
    of_a_gate = 2 * tail_of_a_gain(PARAMS, n_tasks=2)
    assert of_a_gate == pytest.approx(0.0020241, abs=1e-7)
    assert 1 - (1 - of_a_gate) ** PARAMS.gates == pytest.approx(PARAMS.alpha)


def test_spending_is_linear_but_for_a_hair() -> None:
    spent = 1 - (1 - 2 * tail_of_a_gain(PARAMS, 2)) ** np.arange(1, 53)
    assert spent == pytest.approx(PARAMS.alpha * np.arange(1, 53) / 52, abs=0.0014)


def test_counting_begins_anew_after_the_last_gate() -> None:
    assert [place(gate, PARAMS) for gate in (1, 2, 52, 53, 104, 105)] == [1, 2, 52, 1, 52, 1]


@given(st.floats(1e-4, 0.4), st.integers(0, 10_000))
def test_expanding_never_asks_for_less(tail: float, users: int) -> None:
    assert 0 <= expanded(tail, users) <= tail


def test_expanding_is_hesterbergs_formula_and_vanishes_with_many_users() -> None:
    assert expanded(0.025, 10) == pytest.approx(stats.norm.cdf(-np.sqrt(10 / 9) * stats.t.ppf(0.975, 9)))
    assert expanded(0.001, 1_000_000) == pytest.approx(0.001, rel=1e-3)


def test_an_expanded_interval_of_a_few_users_errs_as_often_as_it_says() -> None:
    """Of 8,000 samples of 30 normal values, the bootstrap bound at 2 % is above the true mean in about 2 %."""
    rng = np.random.default_rng(1)
    tails = (0.02, expanded(0.02, 30))
    errs = np.zeros(2)
    for _ in range(20):
        samples = rng.normal(0, 1, (400, 30))
        times = rng.multinomial(30, np.full(30, 1 / 30), 4000) / 30
        errs += (np.quantile(samples @ times.T, tails, axis=1) > 0).mean(axis=1) / 20
    plain, wider = errs
    assert wider == pytest.approx(0.02, abs=0.004)
    assert plain > 0.024


def test_the_ends_of_a_bootstrap_are_safe_from_the_luck_of_its_draws() -> None:
    """In 19 of 20 bootstraps of 20,000 draws, what is cut off is no more than the tail of all possible draws."""
    tail = tail_of_a_gain(PARAMS, 2)
    many = np.random.default_rng(0).random((2000, 20_000))
    cut = (1 - level_of(tail, 10**9, 20_000)) / 2
    ends = np.quantile(many, cut, axis=1)
    assert (ends <= tail).mean() == pytest.approx(0.95, abs=0.02)


@given(st.floats(1e-4, 0.4), st.integers(2, 10_000), st.integers(100, 50_000))
def test_an_interval_is_never_narrower_than_its_tail_says(tail: float, users: int, draws: int) -> None:
    assert 1 - 2 * tail <= level_of(tail, users, draws) + 1e-12 <= 1 + 1e-12


def test_too_few_draws_for_the_budget_are_refused_with_how_many_are_needed() -> None:
    asked = PARAMS.model_dump() | {"draws": 2000}
    with pytest.raises(ValueError, match=r"draws is 2,000, but .* needs 9,881"):
        PromotionParams.model_validate(asked)
