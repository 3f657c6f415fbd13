"""The first model of a shop."""

from typing import Any

from tasks.promotion.first import judge_first
from tasks.promotion.verdict import Verdict
from tests.promotion.evidence import PARAMS


def judged(best: str = "popularity", **lifts: tuple[float, float] | None) -> Verdict:
    """`all=(low, high)`: the interval of the lift over the best on that task; None: popularity was switched off."""

    def of(interval: tuple[float, float] | None) -> dict[str, Any]:
        over = {"popularity": {"ndcg@10": {"value": 0.5, "low": 0.4, "high": 0.6}}} if interval else {}
        low, high = interval or (0.4, 0.6)
        beaten = best if interval else "als"
        over[beaten] = {"ndcg@10": {"value": (low + high) / 2, "low": low, "high": high}}
        return {"lifts": over, "best_retriever": beaten, "users": 120}

    evaluation = {"judged_by": "ndcg@10", "tasks": {task: of(interval) for task, interval in lifts.items()}}
    return judge_first(evaluation, PARAMS)


def test_the_first_version_that_beats_the_best_retriever_serves() -> None:
    verdict = judged("own_history", all=(0.01, 0.03), new=(-0.001, 0.002))
    assert verdict.decision == "promote"
    assert verdict.reason == (
        "the first that beats own history: NDCG@10 on all purchases +0.0200 (95 % interval +0.0100 to +0.0300)"
        " on 120 users; own history: NDCG@10 on new items +0.000500 (95 % interval -0.0010 to +0.0020) on 120 users"
    )


def test_beating_popularity_is_not_enough_where_another_retriever_is_better() -> None:
    assert judged("als", all=(-0.01, 0.01)).decision == "reject"


def test_a_lift_that_may_be_chance_is_not_enough() -> None:
    verdict = judged(all=(0.0, 0.03), new=(0.01, 0.02))
    assert verdict.decision == "reject"
    assert verdict.reason.startswith("it does not beat popularity: NDCG@10 on all purchases +0.0150")


def test_winning_on_one_task_does_not_make_up_for_losing_on_the_other() -> None:
    assert judged(all=(0.01, 0.03), new=(-0.02, -0.01)).decision == "reject"


def test_a_shop_of_one_task_is_judged_by_it() -> None:
    assert judged(new=(0.01, 0.02)).decision == "promote"
    assert judged(new=(-0.01, 0.02)).decision == "reject"


def test_without_popularity_nothing_is_promoted() -> None:
    verdict = judged(all=None)
    assert verdict.decision == "reject"
    assert "switch that retriever on" in verdict.reason
    assert [check.status for check in verdict.checks] == ["fail"]


def test_the_verdict_can_be_read_as_a_table() -> None:
    table = judged(all=(0.01, 0.03)).table()
    assert "| pass | NDCG@10 on all purchases: beats popularity | +0.0200 | 95 %: +0.0100 to +0.0300 |" in table
