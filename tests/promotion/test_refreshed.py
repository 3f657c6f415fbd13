"""Whether a champion with newer state may serve: by its ranker, its lists, and the newest week."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import log2
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.candidates.history import History
from tasks.evaluation.asked import Asked, who_is_asked
from tasks.folds import Fold
from tasks.ingestion.valid import Valid
from tasks.params import load_params
from tasks.params.shop import ShopParams
from tasks.promotion.newest import Newest, measure_newest
from tasks.promotion.refreshed import Refreshed, judge_refresh
from tasks.promotion.sample import Sample, look_at, some_of
from tasks.promotion.verdict import Verdict
from tasks.schema import Task
from tests.promotion.evidence import PARAMS, failed
from tests.shop import PROJECT

SANE = Refreshed(
    champion=5,
    differing=(),
    accepted=True,
    as_of=datetime(2024, 4, 8, tzinfo=UTC),
    champion_as_of=datetime(2024, 4, 1, tzinfo=UTC),
    sample=Sample(users=200, lists=400, unknown_users=0, unknown_items=0, short=0),
    newest={"all": Newest(0.30, 0.29, 1200), "new": Newest(0.025, 0.02, 1100)},
)
"""PARAMS allow 30 % more on all purchases, or the same the other way, and twice or half as much on new items."""
SHOP = ShopParams(time_zone="UTC")
CUTOFF = datetime(2024, 3, 8, tzinfo=UTC)
DAY = timedelta(days=1)
WEEK = Fold("test", CUTOFF, timedelta(days=7))
USERS = np.array(["ann", "bob"])


def judged(**changes: Any) -> Verdict:
    return judge_refresh(replace(SANE, **changes), PARAMS)


def test_a_sane_refresh_serves_with_the_numbers_that_say_so() -> None:
    verdict = judged()
    assert verdict.decision == "promote"
    assert verdict.reason == (
        "the ranker of version 5 with its state as of 2024-04-08: NDCG@10 on all purchases 0.2900 on the newest"
        " horizon, 0.3000 when the ranker was learned; NDCG@10 on new items 0.0200 on the newest horizon, 0.0250 when"
        " the ranker was learned"
    )


@pytest.mark.parametrize(
    ("changes", "check", "told"),
    [
        (
            {"differing": ("artifacts/recommender/ranker/all-1.txt",)},
            "ranker and code: the champion's",
            "1 of its files differ, such as artifacts/recommender/ranker/all-1.txt",
        ),
        ({"accepted": False}, "data", "the validation did not accept it"),
        (
            {"as_of": SANE.champion_as_of - timedelta(hours=1)},
            "state: not older than the champion's",
            "as of 2024-03-31 23:00 UTC, the champion's as of 2024-04-01 00:00 UTC",
        ),
        (
            {"sample": replace(SANE.sample, unknown_users=2)},
            "lists: users and items are known",
            "2 users that were not",
        ),
        ({"sample": replace(SANE.sample, unknown_items=1)}, "lists: users and items are known", "1 items never sold"),
        ({"sample": replace(SANE.sample, short=3)}, "lists: complete", "3 too short or missing of 400 lists"),
        ({"sample": Sample(0, 0, 0, 0, 0)}, "lists: complete", "0 too short or missing of 0 lists"),
    ],
)
def test_a_state_that_is_not_sane_is_rejected_and_says_why(changes: dict[str, Any], check: str, told: str) -> None:
    verdict = judged(**changes)
    assert verdict.decision == "reject"
    assert failed(verdict) == [check]
    assert verdict.reason.startswith("not the ranker of version 5")
    assert told in verdict.reason


@pytest.mark.parametrize(
    ("now", "decision"), [(0.231, "promote"), (0.230, "reject"), (0.389, "promote"), (0.391, "reject")]
)
def test_the_newest_week_lies_within_the_band_either_way(now: float, decision: str) -> None:
    """Much better than it was is as strange as much worse: labels may have leaked into the state."""
    verdict = judged(newest={"all": Newest(0.30, now, 1200)})
    assert verdict.decision == decision


def test_a_band_is_that_of_its_task() -> None:
    assert judged(newest={"new": Newest(0.025, 0.0126, 1100)}).decision == "promote"
    verdict = judged(newest={"all": Newest(0.30, 0.30, 1200), "new": Newest(0.025, 0.0124, 1100)})
    assert verdict.decision == "reject"
    assert "NDCG@10 on new items: 0.0124 on the newest horizon, 0.0250 when the ranker was learned" in verdict.reason


def test_a_ranker_that_finds_nothing_any_more_is_outside_every_band() -> None:
    verdict = judged(newest={"all": Newest(0.30, 0.30, 1200), "new": Newest(0.025, 0.0, 1100)})
    assert verdict.decision == "reject"
    assert Verdict.from_dict(verdict.as_dict()) == verdict


def test_where_the_newest_week_cannot_say_the_refresh_is_held() -> None:
    verdict = judged(newest={"all": Newest(0.30, None, 0), "new": Newest(0.025, 0.025, 1100)})
    assert verdict.decision == "hold"
    assert "NDCG@10 on all purchases: not possible: on the newest horizon nobody can be measured" in verdict.reason


def test_without_a_metric_to_compare_with_it_is_held() -> None:
    verdict = judged(newest={})
    assert (verdict.decision, failed(verdict)) == ("hold", ["judged metric"])


def test_what_is_wrong_weighs_more_than_what_cannot_be_told() -> None:
    verdict = judged(newest={"all": Newest(0.30, None, 0)}, accepted=False)
    assert verdict.decision == "reject"


def test_a_metric_that_was_0_has_no_band() -> None:
    verdict = judged(newest={"all": Newest(0.30, 0.30, 40), "new": Newest(0.0, 0.01, 40)})
    assert verdict.decision == "promote"
    assert [check.status for check in verdict.checks][-1] == "not measured"


def test_the_verdict_can_be_read_as_a_table_and_kept_as_json() -> None:
    verdict = judged()
    assert (
        "| pass | NDCG@10 on all purchases | 3.4 % off |  | at most 30.0 % off | 1,200 users; 0.2900 on"
        in verdict.table()
    )
    assert Verdict.from_dict(verdict.as_dict()) == verdict


def shop() -> Valid:
    """Ann bought tea and jam before the week and tea in it, bob nut before and tea in it, cid tea before."""
    rows = [
        ("ann", "tea", -3), ("ann", "jam", -2), ("bob", "nut", -3), ("cid", "tea", -1),
        ("ann", "tea", 1), ("bob", "tea", 2), ("new", "tea", 2),
    ]  # fmt: skip
    events = pd.DataFrame(rows, columns=["user_id", "item_id", "day"])
    at = (pd.Timestamp(CUTOFF) + pd.to_timedelta(events["day"], unit="D")).dt.as_unit("us")
    events = events.assign(timestamp=at, event_type="purchase", session_id="s").drop(columns="day")
    items = pd.DataFrame({"item_id": ["jam", "nut", "tea"], "title": ["Jam", "Nuts", "Tea"]})
    return Valid(events, items, pd.DataFrame({"user_id": ["ann", "bob", "cid", "new"]}), None)


def listed(*rows: tuple[str, str, str]) -> pd.DataFrame:
    """`task, user, "first second"`."""
    found = [(t, u, i, rank) for t, u, items in rows for rank, i in enumerate(items.split(), start=1)]
    return pd.DataFrame(found, columns=["task", "user_id", "item_id", "rank"])


def measured(lists: pd.DataFrame, learned: Mapping[str, Any], week: Fold = WEEK) -> dict[Task, Newest]:
    """With all asked who came back."""
    asked = who_is_asked(shop().events, week, SHOP, most=None, seed=7)
    return measure_newest(lists, asked, shop(), week, SHOP, "ndcg@10", learned)


def test_the_newest_week_is_scored_as_the_evaluation_scores() -> None:
    """Ann's one item at rank 2 and bob's at rank 1; under task new, ann's tea is no news, and bob's is missed."""
    lists = listed(("all", "ann", "jam tea"), ("all", "bob", "tea"), ("new", "bob", "jam"))
    learned = {"all": {"ndcg@10": 0.5}, "new": {"ndcg@10": 0.1}}
    found = measured(lists, learned)
    assert found == {"all": Newest(0.5, (1 / log2(3) + 1) / 2, 2), "new": Newest(0.1, 0.0, 1)}


def test_who_was_not_asked_is_not_scored() -> None:
    lists = listed(("all", "bob", "tea"), ("new", "bob", "jam"))
    bob = Asked(pd.DataFrame({"user_id": ["bob"], "item_id": ["tea"]}), drawn_from=2)
    found = measure_newest(lists, {"all": bob, "new": bob}, shop(), WEEK, SHOP, "ndcg@10", {"all": {"ndcg@10": 0.5}})
    assert found == {"all": Newest(0.5, 1.0, 1)}


def test_a_task_that_was_not_measured_when_it_was_learned_is_not_compared() -> None:
    lists = listed(("all", "ann", "tea"))
    assert measured(lists, {"new": {"ndcg@10": None}}) == {}


def test_a_week_in_which_nobody_came_back_says_nothing() -> None:
    later = Fold("test", CUTOFF + timedelta(days=7), timedelta(days=7))
    found = measured(listed(), {"all": {"ndcg@10": 0.5}}, later)
    assert found == {"all": Newest(0.5, None, 0)}


@pytest.fixture(scope="module")
def history() -> History:
    params = load_params(PROJECT / "params.yaml").candidates.model_copy(update={"universe_min_buyers": 1})
    return History.as_of(shop().events, CUTOFF, params, SHOP)


WHOLE = (("all", "ann", "tea jam nut"), ("all", "bob", "tea jam nut"), ("new", "ann", "nut"), ("new", "bob", "tea jam"))
"""The shop sells three items; two are no news to ann, one is none to bob."""


def test_lists_of_all_that_the_shop_sells_are_complete(history: History) -> None:
    assert look_at(listed(*WHOLE), USERS, history) == Sample(2, 4, 0, 0, 0)


def test_a_list_that_is_short_or_missing_is_counted(history: History) -> None:
    assert look_at(listed(("all", "ann", "tea jam"), *WHOLE[1:]), USERS, history).short == 1
    assert look_at(listed(*WHOLE[:-1]), USERS, history).short == 1


def test_who_was_not_asked_for_and_what_was_never_sold_is_counted(history: History) -> None:
    lists = listed(*WHOLE[:-1], ("new", "bob", "tea pie"), ("all", "dan", "tea"))
    found = look_at(lists, USERS, history)
    assert (found.unknown_users, found.unknown_items, found.short) == (1, 1, 1)


def test_some_users_are_all_where_there_are_few_and_the_same_for_the_same_seed(history: History) -> None:
    assert some_of(history.users, 9, 7).tolist() == ["ann", "bob", "cid"], "who had an event before the cutoff"
    drawn = {tuple(some_of(np.arange(100), 5, seed).tolist()) for seed in (7, 7, 8)}
    assert len(drawn) == 2
    assert all(len(of) == 5 and list(of) == sorted(of) for of in drawn)
