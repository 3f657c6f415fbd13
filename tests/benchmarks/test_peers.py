"""Peers are given what shoprec has, and are held to what it is held to."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.errors import BrokenCheckError
from tasks.folds import make_folds
from tasks.ingestion.valid import Valid
from tasks.params import Params, load_params
from tests.benchmarks.peers.__main__ import _kept_values
from tests.benchmarks.peers.history import History, LaterEventError
from tests.benchmarks.peers.known import PEERS
from tests.benchmarks.peers.neighbours import DecayedUserKnn, TifuKnn
from tests.benchmarks.peers.of_history import Popular, TopFrequency
from tests.benchmarks.peers.scored import Judge, beyond, mean, refuse_owned
from tests.benchmarks.peers.tried import CHOSEN, LOCK
from tests.benchmarks.peers.weeks import HISTORY, Weeks
from tests.shop import PROJECT, bought_in_sections, furnish

CUTOFF = datetime(2024, 3, 1, tzinfo=UTC)


def bought(*lines: tuple[int, int, float]) -> pd.DataFrame:
    """User, item, and how many days before the cutoff; a session a user and day."""
    frame = pd.DataFrame(lines, columns=["user_id", "item_id", "age"])
    times = [CUTOFF - timedelta(days=age) for age in frame.pop("age")]
    frame["timestamp"] = pd.to_datetime(pd.Series(times)).dt.as_unit("us")
    return frame.assign(session_id=frame["timestamp"].astype("int64"))


def listed(lists: pd.DataFrame, user: int) -> list[int]:
    return lists[lists["user_id"] == user].sort_values("rank")["item_id"].tolist()


def test_tifu_knn_weighs_baskets_as_its_paper_does() -> None:
    """Three baskets in groups of two: the oldest is a group of its own, r_g = 1/2, and in the newer one r_b = 1/4."""
    history = History.of(bought((1, 10, 3), (1, 20, 2), (1, 20, 1), (1, 30, 1)), CUTOFF)
    vectors = TifuKnn(1, group_size=2, within_decay=0.25, group_decay=0.5, alpha=1).vectors(history)
    of_item = dict(zip(history.items.tolist(), vectors.toarray()[0], strict=True))
    newest, one_before = 1 / 2, 0.25 / 2
    assert of_item == {10: 0.5 / 2, 20: (newest + one_before) / 2, 30: newest / 2}


def test_tifu_knn_recommends_what_the_nearest_shopper_bought() -> None:
    """Shopper 1 is nearest to 2, who bought 20 as well; 3 bought nothing of that."""
    history = History.of(bought((1, 10, 1), (2, 10, 1), (2, 20, 1), (3, 30, 1), (3, 40, 1), (3, 50, 1)), CUTOFF)
    peer = TifuKnn(1, group_size=7, within_decay=0.9, group_decay=0.7, alpha=0.7)
    peer.fit(history, "all")
    assert listed(peer.lists(np.array([1]), 2, "all"), 1) == [10, 20]
    assert listed(peer.lists(np.array([1]), 1, "new"), 1) == [20]


def test_what_was_bought_often_long_ago_comes_after_what_was_bought_lately() -> None:
    history = History.of(bought((1, 10, 90), (1, 10, 91), (1, 20, 1)), CUTOFF)
    orders = {}
    for half_life in (None, 30.0):
        peer = TopFrequency(half_life)
        peer.fit(history, "all")
        orders[half_life] = listed(peer.lists(np.array([1]), 2, "all"), 1)
    assert orders == {None: [10, 20], 30.0: [20, 10]}


@pytest.mark.parametrize("peer", [Popular(28), TifuKnn(2, 3, 0.9, 0.7, 0.5), DecayedUserKnn(2, 30, 1.0, 10.0)])
def test_on_task_new_nobody_is_recommended_what_they_own(peer: Popular | TifuKnn | DecayedUserKnn) -> None:
    events = bought(*[(user, item, 1 + (user + item) % 5) for user in range(8) for item in range(user, user + 6)])
    peer.fit(History.of(events, CUTOFF), "new")
    lists = peer.lists(events["user_id"].unique(), 5, "new")
    assert lists.groupby("user_id").size().tolist() == [5] * 8
    refuse_owned(lists, events)


def test_a_list_of_task_new_with_an_owned_item_is_refused() -> None:
    lists = pd.DataFrame({"user_id": [1, 1], "item_id": [20, 10], "rank": [1, 2]})
    with pytest.raises(BrokenCheckError, match="1 item.* bought before .* such as 10 by 1"):
        refuse_owned(lists, bought((1, 10, 1)))


@pytest.mark.parametrize("age", [0.0, -1.0])
def test_a_peer_refuses_a_purchase_that_is_not_before_the_cutoff(tmp_path: Path, age: float) -> None:
    with pytest.raises(LaterEventError):
        History.of(bought((1, 10, 1), (1, 20, age)), CUTOFF)
    history = History.of(bought((1, 10, 1), (1, 20, 2)), CUTOFF)
    History(history.users, history.items, history.lines.assign(age=[age, 1.0])).save(tmp_path)
    with pytest.raises(LaterEventError):
        History.load(tmp_path)


@pytest.fixture
def weeks(tmp_path: Path) -> Weeks:
    """The small shop, its last weeks tested."""
    root = furnish(tmp_path, bought_in_sections())
    return Weeks(Valid.read(root / "data" / "valid"), load_params(root / "params.yaml"), tested=3)


def with_canary(weeks: Weeks, params: Params, at: datetime) -> Weeks:
    """Everybody buys one more thing at that instant."""
    last = weeks.valid.events.drop_duplicates("user_id")
    canary = last.assign(item_id="canary", timestamp=pd.Timestamp(at).as_unit("us"), session_id="canary")
    events = pd.concat([weeks.valid.events, canary], ignore_index=True)
    return Weeks(Valid(events, weeks.valid.items, weeks.valid.users, None), params, weeks.tested)


def test_what_is_bought_from_the_cutoff_on_is_in_no_file_that_a_peer_is_given(weeks: Weeks, tmp_path: Path) -> None:
    for back in range(3):
        fold = weeks.test(back)
        planted = with_canary(weeks, weeks.params, fold.cutoff)
        assert planted.test(back) == fold
        planted.write_for_peers(fold, tmp_path / "at")
        assert "canary" not in History.load(tmp_path / "at" / HISTORY).items
        before = with_canary(weeks, weeks.params, fold.cutoff - timedelta(microseconds=1))
        assert "canary" in before.history(fold).items


def test_a_past_weeks_retrain_cuts_the_folds_that_it_is_given(weeks: Weeks) -> None:
    """As the stages cut them from the tables of then."""
    for back in range(3):
        until = weeks.until(weeks.test(back))
        cut = {fold.name: fold.cutoff for fold in make_folds(until.events, weeks.params.folds, weeks.params.shop)}
        named = weeks.learned_from(back) | {"test": weeks.test(back)}
        assert {name: fold.cutoff for name, fold in named.items()} == {n: at for n, at in cut.items() if n != "serve"}


def test_a_peers_lists_are_scored_by_the_labels_of_the_fold(weeks: Weeks, tmp_path: Path) -> None:
    """Who lists just what is bought scores 1; who has no list scores 0."""
    fold = weeks.test(1)
    lists = weeks.labels(fold, "all")
    first = lists["user_id"].tolist()[0]
    lists = lists[lists["user_id"] != first]
    lists.assign(rank=lists.groupby("user_id").cumcount() + 1).to_parquet(tmp_path / "all.parquet")
    found = Judge(weeks, fold).values(tmp_path)["all"]["ndcg@10"]
    assert found.pop(first) == 0
    assert found.tolist() == pytest.approx([1.0] * len(found))


def test_a_peers_lists_are_judged_beyond_accuracy(weeks: Weeks, tmp_path: Path) -> None:
    """Everybody is shown the same two items of one section, and one shopper nothing."""
    fold = weeks.test(0)
    users = weeks.labels(fold, "all")["user_id"].unique()
    lists = pd.DataFrame(
        [(u, f"sku-{n:02d}", n) for u in users[1:] for n in (4, 8)], columns=["user_id", "item_id", "rank"]
    )
    lists.to_parquet(tmp_path / "all.parquet")
    past = weeks.until(weeks.test(1)).events
    known = past[past["timestamp"] < fold.cutoff].groupby("item_id")["user_id"].nunique()
    bits = -np.log2(known[["sku-04", "sku-08"]] / past["user_id"].nunique())
    found = beyond([Judge(weeks, fold).values(tmp_path)["all"]])
    assert found == pytest.approx({"coverage@10": 2 / len(known), "novelty@10": bits.mean(), "diversity@10": 0})


def test_values_kept_before_a_metric_was_known_are_made_anew_from_the_lists(weeks: Weeks, tmp_path: Path) -> None:
    weeks.labels(weeks.test(0), "all").assign(rank=1).drop_duplicates("user_id").to_parquet(tmp_path / "all.parquet")
    judge = Judge(weeks, weeks.test(0))
    first = _kept_values(judge, tmp_path)["all"]
    first.drop(columns="novelty@10").assign(**{"ndcg@10": 0.0}).to_parquet(tmp_path / "all.values.parquet")
    pd.testing.assert_frame_equal(_kept_values(judge, tmp_path)["all"], first)
    first.assign(**{"ndcg@10": 0.5}).to_parquet(tmp_path / "all.values.parquet")
    assert set(_kept_values(judge, tmp_path)["all"]["ndcg@10"]) == {0.5}, "kept values are read"


def test_a_user_is_drawn_with_all_weeks() -> None:
    """Two users who differ, alike in every week: more weeks make nothing surer."""
    week = pd.Series([0.0, 1.0] * 20, index=pd.Index(range(40), name="user_id"))
    one, eight = mean([week], 500, 1), mean([week] * 8, 500, 1)
    assert (one.value, one.low, one.high) == pytest.approx((eight.value, eight.low, eight.high))


def test_the_lock_of_peers_pins_all_and_has_no_addresses() -> None:
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    assert all(re.fullmatch(r"[a-z0-9._-]+==[\w.]+( ; [\w .<>=!'()]+)?", line) for line in lines)
    named = {line.partition("==")[0] for line in lines}
    assert {"implicit", "lenskit", "lightgbm", "rectools"} <= named
    assert not named & {"pm-implicit"}, "it would overwrite implicit"


def test_what_was_chosen_for_a_peer_is_of_its_own_grid() -> None:
    """A peer that is not there yet is tuned by the next run."""
    chosen = json.loads(CHOSEN.read_text(encoding="utf-8"))
    assert list(chosen) == [name for name in PEERS if name in chosen]
    for name, of_task in chosen.items():
        assert tuple(of_task) == PEERS[name].tasks
        assert all(settings in PEERS[name].grid for settings in of_task.values())


def test_no_library_of_peers_is_among_the_projects_own() -> None:
    own = (PROJECT / "requirements.lock").read_text(encoding="utf-8")
    assert not re.search(r"^(lenskit|rectools|torch)==", own, re.MULTILINE)
