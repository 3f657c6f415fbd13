"""How lists and metrics of a version are held against those of its rebuild."""

import pandas as pd
import pytest

from flows.lineage.comparing import compare_lists, compare_metrics

THEN = pd.DataFrame(
    [("all", 1, 1, "a"), ("all", 1, 2, "b"), ("all", 2, 1, "a"), ("all", 2, 2, "b"), ("new", 1, 1, "c")],
    columns=["task", "user_id", "rank", "item_id"],
)


def test_lists_are_the_same_in_any_order_of_rows() -> None:
    found = list(compare_lists("lists", THEN, THEN.iloc[::-1]))
    assert [(one.name, one.same) for one in found] == [("lists, all purchases", True), ("lists, new items", True)]
    assert found[0].says == "all 4 places of 2 shoppers are the same"


def test_swapped_items_are_two_places_and_one_shopper() -> None:
    now = THEN.assign(item_id=["b", "a", "a", "b", "c"])
    (found, new) = compare_lists("lists", THEN, now)
    assert found.says == "1 of 2 shoppers get another list; 2 of 4 places are the same (50.00%)"
    assert found.numbers == {"places": 4, "same_places": 2, "users": 2, "differing_users": 1}
    assert new.same


@pytest.mark.parametrize("shorter", [(0, 1), (1, 0)])
def test_a_shopper_or_a_place_too_many_or_too_few_differs(shorter: tuple[int, int]) -> None:
    """The second shopper is gone, and the last place of the first."""
    sides = [THEN, THEN[THEN["user_id"].eq(1) & ~(THEN["task"].eq("all") & THEN["rank"].eq(2))]]
    (found, new) = compare_lists("lists", *(sides[n] for n in shorter))
    assert found.numbers == {"places": 4, "same_places": 1, "users": 2, "differing_users": 2}
    assert new.same


def test_metrics_are_compared_number_by_number_and_the_largest_difference_is_named() -> None:
    then = {"all": {"ndcg@10": 0.25, "recall@20": 0.5}, "new": {"ndcg@10": None}}
    assert compare_metrics(then, then).same
    found = compare_metrics(then, {"all": {"ndcg@10": 0.25 + 1e-9, "recall@20": 0.25}, "new": {"ndcg@10": 0.1}})
    assert not found.same
    assert found.says == (
        "3 of 3 numbers differ; most all/recall_at_20: 0.25, was 0.5 (by 0.25); measured once only: new/ndcg_at_10"
    )
    assert found.numbers == {"metrics": 3, "differing": 3, "largest_difference": 0.25}
