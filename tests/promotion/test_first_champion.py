from typing import Any

from tasks.promotion.first_champion import decide


def evaluation(**lifts: tuple[float, float] | None) -> dict[str, Any]:
    """`all=(low, high)`: the interval of the lift over popularity on that task; None: popularity was switched off."""
    of = {
        task: {"lifts": {"popularity": {"ndcg@10": {"value": sum(i) / 2, "low": i[0], "high": i[1]}}} if i else {}}
        for task, i in lifts.items()
    }
    return {"judged_by": "ndcg@10", "tasks": of}


def test_the_first_version_that_beats_popularity_serves() -> None:
    decision = decide(evaluation(all=(0.01, 0.03), new=(-0.001, 0.002)), champion=None)
    assert decision.stage == "production"
    assert "task all: ndcg@10 +0.0200 over popularity (95 % interval +0.0100 to +0.0300)" in decision.reason


def test_where_one_serves_the_next_is_to_be_judged() -> None:
    decision = decide(evaluation(all=(0.01, 0.03), new=(0.001, 0.002)), champion=4)
    assert decision.stage == "staging"
    assert "version 4 serves" in decision.reason


def test_a_lift_that_may_be_chance_is_not_enough() -> None:
    assert decide(evaluation(all=(0.0, 0.03), new=(0.01, 0.02)), champion=None).stage == "rejected"


def test_winning_on_one_task_does_not_make_up_for_losing_on_the_other() -> None:
    decision = decide(evaluation(all=(0.01, 0.03), new=(-0.02, -0.01)), champion=None)
    assert decision.stage == "rejected"
    assert "does not beat popularity" in decision.reason


def test_a_shop_of_one_task_is_judged_by_it() -> None:
    assert decide(evaluation(new=(0.01, 0.02)), champion=None).stage == "production"


def test_without_the_baseline_nothing_is_promoted() -> None:
    decision = decide(evaluation(all=None), champion=None)
    assert decision.stage == "rejected"
    assert "switch that retriever on" in decision.reason
