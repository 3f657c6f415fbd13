"""What the gate reads, of a shop of three shoppers whose numbers can be worked out by hand."""

from datetime import UTC, datetime, timedelta
from math import log2
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.errors import BrokenCheckError, ShoprecError
from tasks.evaluation.asked import who_is_asked
from tasks.folds import Fold
from tasks.ingestion.valid import Valid
from tasks.params import Params, load_params
from tasks.promotion.gate import judge
from tasks.promotion.measure import Side, evidence_of, measure, refuse_unknown_items
from tasks.promotion.measured import Measured, Sides
from tasks.schema import TASKS

CUTOFF = datetime(2024, 3, 1, tzinfo=UTC)
FOLD = Fold("test", CUTOFF, timedelta(days=7))
BEFORE = [("ann", "tea", 9), ("ann", "oat", 8), ("bob", "tea", 7), ("bob", "jam", 6), ("cid", "nut", 5)]
"""User, item, days before the cutoff."""
AFTER = [("ann", "tea"), ("bob", "nut"), ("cid", "oat"), ("dan", "tea")]
"""Dan comes for the first time, so he is not scored; what bob and cid buy is new to them."""


@pytest.fixture(scope="module")
def params() -> Params:
    return load_params(Path(__file__).parents[2] / "params.yaml")


def shop() -> Valid:
    past = pd.DataFrame(BEFORE, columns=["user_id", "item_id", "days"])
    future = pd.DataFrame(AFTER, columns=["user_id", "item_id"]).assign(days=-1)
    events = pd.concat([past, future], ignore_index=True)
    at = (CUTOFF - pd.to_timedelta(events["days"], unit="D")).dt.as_unit("us")
    events = events.assign(event_type="purchase", session_id="s", quantity=1, value=1.0, timestamp=at)
    items = pd.DataFrame({"item_id": ["jam", "nut", "oat", "tea"], "title": ["Jam", "Nuts", "Oats", "Tea"]})
    users = pd.DataFrame({"user_id": ["ann", "bob", "cid", "dan"], "club": ["gold", "gold", "none", "none"]})
    return Valid(events.drop(columns="days"), items, users, None)


def side(number: int, lists: dict[str, dict[str, str]]) -> Side:
    rows = [
        (task, user, item, rank)
        for task, of in lists.items()
        for user, items in of.items()
        for rank, item in enumerate(items.split(), start=1)
    ]
    return Side(number, pd.DataFrame(rows, columns=["task", "user_id", "item_id", "rank"]), 10.0 * number, 5.0)


CHAMPION = side(1, {"all": {"ann": "tea jam", "bob": "tea nut", "cid": "nut tea"}, "new": {"bob": "nut", "cid": "tea"}})
CHALLENGER = side(
    2, {"all": {"ann": "jam tea", "bob": "nut tea", "cid": "oat tea"}, "new": {"bob": "oat", "cid": "jam oat"}}
)
LIFT = {"value": 0.1, "low": 0.05, "high": 0.15}
EVALUATION = {
    "tasks": {
        "all": {"best_retriever": "own_history", "lifts": {"own_history": {"ndcg@10": LIFT}}},
        "new": {"best_retriever": None, "lifts": {}},
    }
}


@pytest.fixture(scope="module")
def found(params: Params) -> Measured:
    evidence = evidence_of(shop(), FOLD, params, CHAMPION, CHALLENGER)
    return measure(evidence, params, CHAMPION, CHALLENGER, EVALUATION, 3, True)


def test_both_are_scored_on_the_same_users_in_the_same_order(found: Measured) -> None:
    """Ann, bob, cid on all purchases; one relevant item each, so NDCG is 1 at rank 1 and 1 / log2(3) at rank 2."""
    pair = found.tasks["all"].metrics["ndcg@10"]
    np.testing.assert_allclose(pair.champion, [1, 1 / log2(3), 0])
    np.testing.assert_allclose(pair.challenger, [1 / log2(3), 1, 1])
    new = found.tasks["new"].metrics["ndcg@10"]
    np.testing.assert_allclose(new.champion, [1, 0])
    np.testing.assert_allclose(new.challenger, [0, 1 / log2(3)])


def test_the_gate_scores_those_whom_the_evaluation_asked(params: Params) -> None:
    two = params.model_copy(update={"evaluation": params.evaluation.model_copy(update={"most_users": 2})})
    asked = who_is_asked(shop().events, FOLD, params.shop, 2, params.evaluation.seed)
    evidence = evidence_of(shop(), FOLD, two, CHAMPION, CHALLENGER)
    for task in TASKS:
        scored = evidence.labels.loc[evidence.labels["task"] == task, ["user_id", "item_id"]]
        pd.testing.assert_frame_equal(scored.reset_index(drop=True), asked[task].pairs)
    found = measure(evidence, two, CHAMPION, CHALLENGER, EVALUATION, 3, True)
    assert len(found.tasks["all"].metrics["ndcg@10"].champion) == 2


def test_coverage_is_of_what_was_ever_bought(found: Measured) -> None:
    """Four items; the champion shows tea, jam, nut, the challenger all of them."""
    assert (found.tasks["all"].coverage.champion, found.tasks["all"].coverage.challenger) == (3 / 4, 1)


def test_slices_name_the_users_by_attribute(found: Measured) -> None:
    club = {part.value: part.inside.tolist() for part in found.tasks["all"].slices if part.dimension == "club"}
    assert club == {"gold": [True, True, False], "none": [False, False, True]}


def test_what_is_not_about_users_is_passed_on(found: Measured) -> None:
    assert (found.champion, found.challenger, found.gate, found.accepted) == (1, 2, 3, True)
    assert found.latency_p95_ms == Sides(10, 20)
    assert found.tasks["all"].lift is not None
    assert found.tasks["all"].lift.low == 0.05
    assert found.tasks["new"].lift is None


def test_a_list_that_holds_an_item_twice_is_refused(params: Params) -> None:
    twice = side(2, {"all": {"ann": "tea tea"}, "new": {}})
    with pytest.raises(BrokenCheckError, match="stands twice"):
        measure(evidence_of(shop(), FOLD, params, CHAMPION, twice), params, CHAMPION, twice, EVALUATION, 1, True)


def test_a_champion_of_other_data_is_told_from_one_that_is_worse(params: Params) -> None:
    stranger = side(1, {"all": {"ann": "tea figs"}})
    with pytest.raises(ShoprecError, match=r"version 1 recommends 1 item.*such as figs"):
        refuse_unknown_items(stranger, shop(), FOLD, params)
    refuse_unknown_items(CHAMPION, shop(), FOLD, params)


def test_a_side_that_knows_nothing_new_for_anybody_has_empty_lists(params: Params) -> None:
    """As in a shop where everybody has bought everything, until an item comes that is new to all."""
    silent = side(1, {"all": {"ann": "tea jam"}})
    found = measure(
        evidence_of(shop(), FOLD, params, silent, CHALLENGER), params, silent, CHALLENGER, EVALUATION, 1, True
    )
    assert found.tasks["new"].metrics["ndcg@10"].champion.tolist() == [0, 0]
    assert found.tasks["new"].coverage.champion == 0
    novelty = found.tasks["new"].metrics["novelty@10"]
    assert np.isnan([*novelty.champion, *novelty.challenger]).all(), "an empty list has none to compare"
    verdict = judge(found, params.promotion)
    assert verdict.decision != "promote"
