"""The rules of the gate, row by row."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tasks.errors import BrokenCheckError
from tasks.promotion.gate import judge, judge_unmeasurable
from tasks.promotion.measured import Lift, Measured, Paired, Sides, Slice
from tests.promotion.evidence import PARAMS, SLICES, USERS, failed, measured, named, noise, of_task, pair


def test_a_gain_on_both_tasks_is_promoted_with_the_numbers_that_decided() -> None:
    verdict = judge(measured(), PARAMS)
    assert verdict.decision == "promote"
    assert not failed(verdict)
    assert verdict.reason.startswith("NDCG@10 on all purchases +0.0200 (99.8 % interval +0.01")
    assert verdict.reason.endswith("on 300 users, and nothing that is guarded fell (version 7 against 5, gate 3 of 52)")


@pytest.mark.parametrize("all_, new", [(0.02, 0.0), (0.0, 0.02)])
def test_a_gain_on_one_task_is_enough_where_the_other_is_not_worse(all_: float, new: float) -> None:
    verdict = judge(measured(of_task(all_), of_task(new)), PARAMS)
    assert verdict.decision == "promote"
    assert [check.name for check in verdict.checks if check.kind == "gain"] == [
        f"NDCG@10 on {'all purchases' if all_ else 'new items'}: gain"
    ]


def test_no_gain_is_held() -> None:
    verdict = judge(measured(of_task(0.0), of_task(0.0)), PARAMS)
    assert verdict.decision == "hold"
    assert failed(verdict) == ["NDCG@10 on all purchases: gain", "NDCG@10 on new items: gain"]
    assert verdict.reason.startswith("no gain is shown: NDCG@10 on all purchases +0.0000 (99.8 % interval -0.00")


def test_an_identical_challenger_is_held_and_said_to_be_identical() -> None:
    same = replace(of_task(), metrics={m: Paired(p.champion, p.champion) for m, p in of_task().metrics.items()})
    verdict = judge(measured(same, same), PARAMS)
    assert verdict.decision == "hold"
    assert "different from the champion" in failed(verdict)
    assert named(verdict, "NDCG@10 on all purchases: not worse").passed


def test_a_gain_below_min_lift_is_held() -> None:
    asked = PARAMS.model_copy(update={"min_lift": 0.025})
    assert judge(measured(), asked).decision == "hold"
    assert judge(measured(), PARAMS.model_copy(update={"min_lift": 0.01})).decision == "promote"


def test_a_gain_of_a_few_users_is_no_gain() -> None:
    """29 users who are served better, and all others alike: a chance that no interval of so few can tell."""
    champion = 0.3 + noise(0)
    few = Paired(champion, champion + 0.2 * (np.arange(USERS) < 29))
    task = of_task(metrics={**of_task().metrics, "ndcg@10": few})
    verdict = judge(measured(task, task), PARAMS)
    assert verdict.decision == "hold"
    assert (
        "only 29 users are served differently well, 30 are needed"
        in named(verdict, "NDCG@10 on all purchases: gain").says
    )
    assert judge(measured(task, task), PARAMS.model_copy(update={"min_users": 29})).decision == "promote"


@pytest.mark.parametrize("lift, worse", [(-0.006, False), (-0.012, True)])
def test_the_other_task_must_not_be_worse_than_its_margin(lift: float, worse: bool) -> None:
    """3 % of 0.3 is 0.009 on all purchases; the bound is 0.001 below the mean."""
    verdict = judge(measured(of_task(lift), of_task()), PARAMS.model_copy(update={"slices": PARAMS.cold}))
    assert named(verdict, "NDCG@10 on all purchases: not worse").failed is worse


def test_a_small_loss_beside_a_gain_rejects_on_all_purchases_but_only_beyond_the_margin_on_new_items() -> None:
    assert judge(measured(of_task(-0.005), of_task()), PARAMS).decision == "reject"
    assert judge(measured(of_task(), of_task(-0.005)), PARAMS).decision == "promote"
    verdict = judge(measured(of_task(), of_task(-0.06)), PARAMS)
    assert verdict.decision == "reject"
    assert verdict.reason.startswith("a loss is shown: NDCG@10 on new items -0.0600 (95 % interval -0.06")


@pytest.mark.parametrize(
    "task, change, name",
    [
        ("all", {"recall": -0.02}, "recall@20 on all purchases: not worse"),
        ("new", {"recall": -0.06}, "recall@20 on new items: not worse"),
        ("all", {"novelty": -0.2}, "novelty@10 on all purchases: not worse"),
        ("new", {"novelty": -0.4}, "novelty@10 on new items: not worse"),
        ("all", {"coverage": Sides(0.05, 0.044)}, "catalogue coverage@10 on all purchases: not worse"),
        ("new", {"coverage": Sides(0.05, float("nan"))}, "catalogue coverage@10 on new items: not worse"),
        ("all", {"lift": Lift(0.01, -0.001, 0.02)}, "re-ranking on all purchases: pays"),
        ("new", {"lift": None}, "re-ranking on new items: pays"),
    ],
)
def test_what_is_guarded_in_a_task_holds_a_gain_back(task: str, change: dict[str, Any], name: str) -> None:
    verdict = judge(measured(**{task: of_task(**change)}), PARAMS)
    assert verdict.decision == "hold"
    assert failed(verdict) == [name]
    assert "but not shown to hold: " + name.partition(":")[0] in verdict.reason


@pytest.mark.parametrize(
    "change",
    [
        {"recall": -0.005},
        {"novelty": -0.1},
        {"coverage": Sides(0.05, 0.0451)},
        {"lift": Lift(0.01, 0.0001, 0.02)},
    ],
)
def test_what_is_guarded_may_lose_a_little(change: dict[str, Any]) -> None:
    assert judge(measured(of_task(**change), of_task(**change)), PARAMS).decision == "promote"


@pytest.mark.parametrize(
    "change, passes",
    [
        ({"latency_p95_ms": Sides(80.0, 119.0)}, True),
        ({"latency_p95_ms": Sides(80.0, 121.0)}, False),
        ({"latency_p95_ms": Sides(10.0, 49.0)}, True),
        ({"latency_p95_ms": Sides(10.0, 51.0)}, False),
        ({"latency_p95_ms": Sides(float("nan"), 40.0)}, False),
        ({"size_mib": Sides(100.0, 166.0)}, True),
        ({"size_mib": Sides(100.0, 166.1)}, False),
    ],
)
def test_a_slow_or_large_challenger_is_held(change: dict[str, Any], passes: bool) -> None:
    assert judge(measured(**change), PARAMS).decision == ("promote" if passes else "hold")


def test_what_nobody_asked_for_is_not_measured_and_decides_nothing() -> None:
    """As where a branch is held against another: neither is in the registry, so gates are not counted either."""
    named_by_words = measured(latency_p95_ms=None, size_mib=None, champion="main", challenger="this change")
    verdict = judge(named_by_words, PARAMS)
    assert verdict.decision == "promote"
    assert verdict.reason.endswith("(this change against main)")
    silent = {check.name for check in verdict.checks if check.status == "not measured"}
    assert {"latency of a request, 95th percentile", "size of the bundle"} <= silent


def test_data_that_the_validation_did_not_accept_rejects() -> None:
    verdict = judge(measured(accepted=False), PARAMS)
    assert verdict.decision == "reject"
    assert verdict.reason.startswith("data: the validation did not accept what the challenger learned from")


def test_re_ranking_that_loses_against_a_single_retriever_rejects() -> None:
    verdict = judge(measured(of_task(lift=Lift(-0.01, -0.02, -0.001))), PARAMS)
    assert verdict.decision == "reject"
    assert "re-ranking on all purchases -0.0100 (95 % interval -0.0200 to -0.0010)" in verdict.reason


def one_slice_loses(share: float, part: Slice = SLICES[2]) -> Measured:
    """The users of the slice lose that share of 0.3, and everyone gains 0.02 on top."""
    found = pair(0.02)
    lost = np.where(part.inside, share * 0.3, 0.0)
    return measured(of_task(metrics={**of_task().metrics, "ndcg@10": Paired(found.champion, found.challenger - lost)}))


def test_a_slice_that_falls_holds_a_gain_back() -> None:
    """Half of the users lose 0.02 and half gain 0.04, so that the mean gain is shown all the same."""
    found = pair(0.04)
    challenger = found.challenger - np.where(SLICES[2].inside, 0.075, 0.0)
    swapped = Paired(found.champion, challenger + 0.02)
    task = of_task(metrics={**of_task().metrics, "ndcg@10": swapped})
    verdict = judge(measured(task), PARAMS)
    fallen = [check.quoted for check in verdict.checks if check.failed]
    assert verdict.decision == "promote"
    assert fallen == []
    harder = Paired(found.champion, challenger + 0.01 - 0.02 * SLICES[2].inside)
    verdict = judge(measured(of_task(metrics={**of_task().metrics, "ndcg@10": harder})), PARAMS)
    assert [check.quoted for check in verdict.checks if check.failed] == ["age: 25-34"]


def test_cold_users_have_a_margin_of_their_own() -> None:
    cold = SLICES[0]
    assert judge(one_slice_loses(0.2, cold), PARAMS).decision == "promote"
    verdict = judge(one_slice_loses(0.4, cold), PARAMS)
    assert [check.quoted for check in verdict.checks if check.failed] == ["cold start: at most 3 events"]
    assert verdict.decision == "hold"


def test_too_few_cold_users_are_reported_and_decide_nothing() -> None:
    few = Slice("cold start", "at most 3 events", np.arange(USERS) < 29)
    verdict = judge(measured(of_task(slices=(few, *SLICES[1:]))), PARAMS)
    cold = named(verdict, "NDCG@10 on all purchases, cold users")
    assert (cold.status, cold.says) == ("not measured", "not measured: 29 users, 30 are needed")
    assert verdict.decision == "promote"


def test_a_small_slice_is_not_judged_and_counted_as_not_measured() -> None:
    small = named(judge(measured(), PARAMS), "NDCG@10 on all purchases, small slices")
    assert (small.status, small.says) == ("not measured", "not measured: 1 slices of fewer than 100 users")


def test_one_task_is_judged_alone_with_all_of_the_gates_budget() -> None:
    alone = judge(replace(measured(), tasks={"new": of_task()}), PARAMS)
    assert alone.decision == "promote"
    level = named(alone, "NDCG@10 on new items: gain").level
    assert level == pytest.approx(1 - 2 * (1 - 0.9 ** (1 / 52)))


def test_gates_past_the_last_begin_anew() -> None:
    assert "gate 52 of 52" in judge(measured(gate=52), PARAMS).reason
    assert "gate 1 of 52" in judge(measured(gate=53), PARAMS).reason


def test_a_champion_that_cannot_be_scored_holds_and_says_why() -> None:
    verdict = judge_unmeasurable(5, "its bundle lacks state.npz\nof <version> 5")
    assert verdict.decision == "hold"
    assert failed(verdict) == ["champion scored on the same users"]
    assert verdict.reason.endswith("could not be scored on the same users: its bundle lacks state.npz of ‹version› 5")
    assert "its bundle lacks state.npz" in verdict.table()


def test_a_metric_that_was_not_measured_stops_the_gate() -> None:
    task = of_task(metrics={"ndcg@10": pair(0.02)})
    with pytest.raises(BrokenCheckError, match="judges by 'recall@20', but what was measured of the two is ndcg@10"):
        judge(measured(task), PARAMS)


def test_sides_of_different_users_are_refused() -> None:
    one_sided = Paired(np.array([0.1, np.nan]), np.array([0.1, 0.2]))
    with pytest.raises(BrokenCheckError, match="task all, ndcg@10: 1 users have a value on one side only"):
        measured(of_task(metrics={"ndcg@10": one_sided}, slices=()))
    with pytest.raises(BrokenCheckError, match=r"metrics and slices are of \[2, 3\] users"):
        measured(of_task(metrics={"ndcg@10": Paired(np.ones(2), np.ones(3))}, slices=()))
    with pytest.raises(BrokenCheckError, match="gate 0 does not count from 1"):
        measured(gate=0)


def test_a_task_where_nobody_has_a_value_is_held() -> None:
    nobody = np.full(USERS, np.nan)
    task = of_task(metrics={**of_task().metrics, "ndcg@10": Paired(nobody, nobody)})
    verdict = judge(measured(task), PARAMS)
    assert verdict.decision == "hold"
    assert named(verdict, "NDCG@10 on all purchases: not worse").says == "no user has a value"
