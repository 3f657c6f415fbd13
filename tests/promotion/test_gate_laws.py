"""What holds of the gate whatever was measured."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from tasks.promotion.check import Check
from tasks.promotion.gate import judge
from tasks.promotion.measured import Measured, MeasuredTask, Paired, Slice
from tasks.promotion.verdict import Verdict, decide
from tests.promotion.evidence import PARAMS, SLICES, USERS, measured, named, noise, of_task, pair

FEW = PARAMS.model_copy(update={"draws": 2000})
GAIN = "NDCG@10 on all purchases: gain"
quickly = settings(max_examples=12, deadline=None)
seeds = st.integers(0, 10_000)


def judged_on(found: Paired, **changes: Any) -> Measured:
    """Both tasks with that pair as their NDCG@10."""
    task = of_task(metrics={**of_task().metrics, "ndcg@10": found}, **changes)
    return measured(task, task)


def with_lift(seed: int, lift: float) -> Paired:
    return pair(lift, seed)


def ends(verdict: Verdict, name: str = "NDCG@10 on all purchases: not worse") -> tuple[float, float, float]:
    check = named(verdict, name)
    assert check.value is not None
    assert check.low is not None
    assert check.high is not None
    return check.value, check.low, check.high


@quickly
@given(seeds, st.floats(0.01, 0.2))
def test_a_constant_gain_above_the_noise_is_promoted(seed: int, lift: float) -> None:
    """Noise of 0.01 on 300 users: the mean is known to 0.0006."""
    assert judge(judged_on(with_lift(seed, lift)), FEW).decision == "promote"


@quickly
@given(seeds, st.floats(0.01, 0.2))
def test_a_constant_loss_above_the_noise_is_rejected(seed: int, lift: float) -> None:
    verdict = judge(measured(of_task(metrics={**of_task().metrics, "ndcg@10": with_lift(seed, -lift)})), FEW)
    assert verdict.decision == "reject"


@quickly
@given(seeds, st.floats(-1, 1))
def test_adding_a_constant_to_both_sides_changes_no_interval(seed: int, constant: float) -> None:
    found = with_lift(seed, 0.002)
    moved = Paired(found.champion + constant, found.challenger + constant)
    assert ends(judge(judged_on(moved), FEW)) == pytest.approx(ends(judge(judged_on(found), FEW)), abs=1e-9)


@quickly
@given(seeds)
def test_swapping_the_sides_turns_the_sign(seed: int) -> None:
    found = with_lift(seed, 0.0)
    value, low, high = ends(judge(judged_on(found), FEW))
    turned = ends(judge(judged_on(Paired(found.challenger, found.champion)), FEW))
    assert turned == pytest.approx((-value, -high, -low), abs=1e-12)


@quickly
@given(seeds, st.integers(1, 100))
def test_users_without_a_value_do_not_count(seed: int, absent: int) -> None:
    found = with_lift(seed, 0.004)
    gone = np.random.default_rng(seed).permutation(USERS) < absent
    without = Paired(np.where(gone, np.nan, found.champion), np.where(gone, np.nan, found.challenger))
    verdict = judge(judged_on(without), FEW)
    check = named(verdict, "NDCG@10 on all purchases: not worse")
    assert check.users == USERS - absent
    assert check.value == pytest.approx(found.difference[~gone].mean())


@quickly
@given(seeds, st.integers(1, 12))
def test_more_slices_never_loosen_a_bound(seed: int, more: int) -> None:
    rng = np.random.default_rng(seed)
    others = tuple(Slice("other", str(n), rng.random(USERS) < 0.6) for n in range(more))
    found = with_lift(seed, 0.0)
    few = judge(judged_on(found), FEW)
    many = judge(judged_on(found, slices=(*SLICES, *others)), FEW)
    for check in few.checks:
        if check.quoted is not None:
            same = next(c for c in many.checks if c.quoted == check.quoted and c.name == check.name)
            assert same.low is not None
            assert check.low is not None
            assert same.low <= check.low


@quickly
@given(seeds)
def test_the_order_of_users_and_slices_decides_nothing(seed: int) -> None:
    """But for the draws, which meet other users: so far from the bounds."""
    order = np.random.default_rng(seed).permutation(USERS)
    found = with_lift(seed, 0.01)
    slices = tuple(replace(part, inside=part.inside[order]) for part in reversed(SLICES))
    metrics = {m: Paired(p.champion[order], p.challenger[order]) for m, p in of_task().metrics.items()}
    shuffled = Paired(found.champion[order], found.challenger[order])
    task = of_task(metrics={**metrics, "ndcg@10": shuffled}, slices=slices)
    assert judge(measured(task, task), FEW).decision == judge(judged_on(found), FEW).decision == "promote"


@quickly
@given(seeds, st.floats(0.001, 0.5), st.floats(0.001, 0.5), st.integers(1, 200), st.integers(1, 200))
def test_a_smaller_budget_or_more_gates_never_promote_more(
    seed: int, alpha: float, smaller: float, gates: int, more: int
) -> None:
    assume(smaller <= alpha)
    found = judged_on(with_lift(seed, 0.002))
    wide = ends(judge(found, FEW.model_copy(update={"alpha": alpha, "gates": gates, "min_lift": 1.0})), GAIN)
    stricter = FEW.model_copy(update={"alpha": smaller, "gates": gates + more, "min_lift": 1.0})
    assert ends(judge(found, stricter), GAIN)[1] <= wide[1]


def test_the_same_evidence_gives_the_same_verdict_and_is_left_as_it_was() -> None:
    found = measured()
    before = found.tasks["all"].metrics["ndcg@10"].champion.copy()
    assert judge(found, PARAMS) == judge(found, PARAMS)
    assert (found.tasks["all"].metrics["ndcg@10"].champion == before).all()


def test_the_gains_interval_is_students_where_the_noise_is_normal() -> None:
    found = Paired(np.zeros(USERS) + 0.3, 0.3 + noise(3) + 0.001)
    value, low, _ = ends(judge(judged_on(found), PARAMS.model_copy(update={"draws": 40_000})), GAIN)
    tail = (1 - 0.9 ** (1 / 52)) / 2
    student = stats.t.isf(tail, USERS - 1) * found.difference.std(ddof=1) / np.sqrt(USERS)
    assert value - low == pytest.approx(student, rel=0.05)


checks = st.builds(
    Check,
    name=st.just("x"),
    says=st.just("x"),
    status=st.sampled_from(["pass", "fail", "not measured"]),
    kind=st.sampled_from(["gain", "guardrail", "sanity"]),
    otherwise=st.sampled_from(["hold", "reject"]),
)


@given(st.lists(checks, max_size=8))
def test_nothing_is_promoted_past_a_failed_check_or_without_a_gain(found: list[Check]) -> None:
    decision = decide(found)
    gained = any(check.kind == "gain" and check.passed for check in found)
    assert (decision == "promote") == (gained and not any(check.failed for check in found))
    assert (decision == "reject") == any(check.failed and check.otherwise == "reject" for check in found)


def test_tasks_share_the_budget_of_a_gate() -> None:
    """So one that is measured beside another has a wider interval."""
    found: MeasuredTask = of_task(0.001)
    both = ends(judge(measured(found, found), PARAMS.model_copy(update={"min_lift": 1.0})), GAIN)
    alone = judge(replace(measured(), tasks={"all": found}), PARAMS.model_copy(update={"min_lift": 1.0}))
    assert both[1] < ends(alone, GAIN)[1]
