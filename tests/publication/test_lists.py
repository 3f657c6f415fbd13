"""From what a champion gave to what is published."""

from pathlib import Path

import pandas as pd
import pytest

from tasks.publication.engine import active_users, bought_before, change_between, few_left, most_bought_by_one
from tasks.publication.lists import Cut, ListWriter, cut_lists, lists_of_task
from tests.publication.made import AS_OF, ITEMS, catalogue, lists

NOTHING = pd.MultiIndex.from_arrays([[], []])


def given(length: int, users: int = 4) -> pd.DataFrame:
    """Both tasks as a version writes them: a block of two users at a time, all before new."""
    rows = [
        (task, user, (user + rank) % ITEMS, rank + 1)
        for block in range(0, users, 2)
        for task in ("all", "new")
        for user in range(block, block + 2)
        for rank in range(length)
    ]
    return pd.DataFrame(rows, columns=["task", "user_id", "item_id", "rank"])


@pytest.mark.parametrize("rows_a_group", [1, 3, 7, 1000])
def test_whole_lists_are_read_wherever_the_file_is_divided(tmp_path: Path, rows_a_group: int) -> None:
    given(5).to_parquet(tmp_path / "lists.parquet", index=False, row_group_size=rows_a_group)
    parts = list(lists_of_task(tmp_path / "lists.parquet", "new"))
    users = [user for part in parts for user in part["user_id"].unique()]
    assert users == [0, 1, 2, 3], "no list is in two parts"
    pd.testing.assert_frame_equal(
        pd.concat(parts, ignore_index=True), given(5).query("task == 'new'").reset_index(drop=True)
    )


def test_what_may_not_be_shown_is_taken_out_and_the_rest_is_ranked_anew() -> None:
    """Shopper 0 was given 0 to 4, of which 1 is forbidden, and bought 2; shopper 1 was given 1 to 5."""
    frame, cut = given(5, 2).query("task == 'new'"), Cut(pd.Index([0, 1]))
    bought = pd.MultiIndex.from_tuples([(0, 2)])
    kept = cut_lists(frame, catalogue(forbidden_items=[1]), bought, 3, 5, cut)
    cut.end()
    assert kept[["user_id", "rank", "item_id"]].to_numpy().tolist() == [
        [0, 1, 0], [0, 2, 3], [0, 3, 4], [1, 1, 2], [1, 2, 3], [1, 3, 4],
    ]  # fmt: skip
    assert (cut.pending.tolist(), cut.shortest) == ([], 3)
    assert cut.items == {0, 2, 3, 4}


def test_a_list_that_could_be_longer_is_asked_for_again_and_one_that_could_not_is_kept() -> None:
    frame = given(3, 2).query("task == 'all'")
    for asked, pending in ((3, [0]), (4, [])):
        cut = Cut(pd.Index([0, 1]))
        kept = cut_lists(frame, catalogue(forbidden_items=[0]), NOTHING, 3, asked, cut)
        cut.end()
        assert cut.pending.tolist() == pending
        assert kept.groupby("user_id").size().to_dict() == ({1: 3} if pending else {0: 2, 1: 3})


def test_lists_in_another_order_are_put_in_the_order_of_their_ranks() -> None:
    frame = given(4, 2).query("task == 'all'")
    shuffled = frame.sample(frac=1, random_state=7)
    kept = cut_lists(shuffled, catalogue(), NOTHING, 3, 4, Cut(pd.Index([0, 1])))
    assert kept.query("user_id == 1")["item_id"].tolist() == [1, 2, 3]


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """Shopper 0 bought items 0 and 1, shopper 1 looked at item 1, both long before the cutoff; 2 bought 5 at it."""
    times = pd.to_datetime(["2024-01-01", "2024-03-01", "2024-03-31", "2024-04-01"], utc=True).as_unit("us")
    frame = pd.DataFrame(
        {
            "user_id": [0, 0, 1, 2],
            "item_id": [0, 1, 1, 5],
            "event_type": ["purchase", "purchase", "view", "purchase"],
            "timestamp": times,
        }
    )
    frame.to_parquet(tmp_path / "events.parquet")
    return tmp_path / "events.parquet"


def test_who_is_active(events: Path) -> None:
    """Before the cutoff, and not longer before than that."""
    assert active_users(events, AS_OF, None).tolist() == [0, 1]
    assert active_users(events, AS_OF, 31).tolist() == [0, 1]
    assert active_users(events, AS_OF, 30.9).tolist() == [1]
    assert active_users(events, AS_OF, 0.5).tolist() == []


def test_what_was_bought_before(events: Path, tmp_path: Path) -> None:
    """To look at an item is not to buy it."""
    lists("new").to_parquet(tmp_path / "lists.parquet")
    assert bought_before(tmp_path / "lists.parquet", events, "purchase", "all").tolist() == []
    found = bought_before(tmp_path / "lists.parquet", events, "purchase", "new")
    assert sorted(found.tolist()) == [(0, 0), (0, 1)]
    assert most_bought_by_one(events, "purchase") == 2


def test_who_has_few_items_left_to_buy(events: Path) -> None:
    """Of items 0, 1 and 2, of which shopper 0 bought two; what shopper 2 bought is not sold."""
    assert few_left(pd.Index([0, 1, 2]), events, "purchase", 1).tolist() == []
    assert few_left(pd.Index([0, 1, 2]), events, "purchase", 2).tolist() == [0]
    assert few_left(pd.Index([2, 3]), events, "purchase", 2).tolist() == [], "looked at or bought, but not sold"


def test_ids_that_are_texts_are_counted_too(tmp_path: Path) -> None:
    frame = pd.DataFrame({"user_id": ["c1", "c1", "c2"], "item_id": ["a", "b", "a"], "event_type": "purchase"})
    frame.to_parquet(tmp_path / "events.parquet")
    items = pd.Index(pd.Series(["a", "b"]))
    assert few_left(items, tmp_path / "events.parquet", "purchase", 1).tolist() == ["c1"]


@pytest.mark.parametrize("ids", ["integer", "text"])
def test_change_between_two_publications(tmp_path: Path, ids: str) -> None:
    """Each list of three begins one item later: two of three stay."""
    for name, first in (("old", 0), ("new", 1)):
        with ListWriter(tmp_path / f"{name}.parquet", ids, ids, 1) as writer:  # pyright: ignore[reportArgumentType]
            writer.write(lists("all", first, ids))  # pyright: ignore[reportArgumentType]
    old, new = tmp_path / "old.parquet", tmp_path / "new.parquet"
    assert change_between(old, new) == (6, 1.0, pytest.approx(2 / 3))
    assert change_between(old, old) == (6, 0.0, 1.0)
