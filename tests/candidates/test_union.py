"""What is proposed: known answers, the union's laws, and that nothing after the cutoff is seen."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from tasks.candidates.store import load_retrieval, save_retrieval
from tasks.candidates.union import Retrieval
from tasks.schema import TASKS, Task
from tests.candidates.shops import CUTOFF, FOLD, SHOP, candidate_params, event_table, random_events, two_tastes

RETRIEVERS = ("als", "item_neighbours", "user_neighbours", "ease", "own_history", "popularity")
PARAMS = candidate_params()


def retrieval(events: pd.DataFrame, **changed: Any) -> Retrieval:
    return Retrieval.to_learn(events, None, FOLD, candidate_params(**changed), SHOP)


def everyone(found: Retrieval) -> np.ndarray:
    return np.arange(len(found.users))


def proposals(found: Retrieval, task: Task = "all") -> pd.DataFrame:
    return found.candidates(everyone(found), task, PARAMS)


def own_lists(found: Retrieval, name: str, users: NDArray[np.intp], task: Task, k: int) -> pd.DataFrame:
    return found.proposals(users, (task,), PARAMS, k)[task].lists[name]


def saved_bytes(found: Retrieval, folder: Path) -> dict[str, bytes]:
    save_retrieval(found, folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def found() -> Retrieval:
    return retrieval(random_events())


@pytest.mark.parametrize("name", ["als", "item_neighbours", "user_neighbours"])
def test_the_one_item_withheld_from_each_shopper_comes_first(name: str) -> None:
    """Even shoppers bought every even item, odd ones every odd; each misses only their own number."""
    tastes = retrieval(two_tastes())
    best = own_lists(tastes, name, everyone(tastes), "new", 1)
    assert best["item_id"].tolist() == best["user_id"].tolist() == list(range(50))


def test_nobody_has_an_own_history_of_what_is_new(found: Retrieval) -> None:
    assert own_lists(found, "own_history", everyone(found), "new", 10).empty


@pytest.mark.parametrize("task", TASKS)
def test_the_union_is_every_retrievers_list_and_nothing_else(found: Retrieval, task: Task) -> None:
    union = proposals(found, task)
    lists = [own_lists(found, name, everyone(found), task, 5) for name in RETRIEVERS]
    together = pd.concat(lists)[["user_id", "item_id"]].drop_duplicates()
    assert set(map(tuple, together.to_numpy())) == set(map(tuple, union[["user_id", "item_id"]].to_numpy()))
    assert not union.duplicated(["user_id", "item_id"]).any()


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", RETRIEVERS)
def test_scores_and_ranks_in_the_union_are_the_retrievers_own(found: Retrieval, name: str, task: Task) -> None:
    own = own_lists(found, name, everyone(found), task, 5)
    joined = own.merge(proposals(found, task), on=["user_id", "item_id"], how="left")
    assert joined[f"{name}_rank"].tolist() == joined["rank"].tolist()
    assert joined[f"{name}_score"].tolist() == joined["score"].tolist()


@pytest.mark.parametrize("name", RETRIEVERS)
def test_a_rank_is_missing_just_where_the_retriever_would_not_propose(found: Retrieval, name: str) -> None:
    union = proposals(found)
    assert (union[f"{name}_rank"].isna() == ~(union[f"{name}_score"] > 0)).all()


def test_task_new_never_holds_what_the_shopper_owns(found: Retrieval) -> None:
    owned = random_events()[["user_id", "item_id"]].drop_duplicates()
    assert proposals(found, "new").merge(owned).empty
    assert not proposals(found, "all").merge(owned).empty


def test_candidates_are_sorted_by_user_and_then_by_the_items_position(found: Retrieval) -> None:
    union = proposals(found)
    place = pd.Index(found.items).get_indexer(pd.Index(union["item_id"]))
    assert union["user_id"].is_monotonic_increasing
    assert (np.diff(place)[np.diff(union["user_id"]) == 0] > 0).all()


def test_candidates_of_some_shoppers_are_theirs_among_the_candidates_of_all(found: Retrieval) -> None:
    some = found.candidates(np.array([2, 30]), "all", PARAMS)
    every = proposals(found)
    chosen = every[every["user_id"].isin(found.users[[2, 30]])].reset_index(drop=True)
    pd.testing.assert_frame_equal(some, chosen, rtol=1e-5)


def test_lists_are_ranked_from_1_without_a_gap_and_no_longer_than_asked(found: Retrieval) -> None:
    lists = own_lists(found, "popularity", everyone(found), "all", 7)
    assert lists.groupby("user_id")["rank"].apply(list).map(lambda r: r == [*range(1, 8)]).all()


def test_a_retriever_that_is_off_leaves_no_trace() -> None:
    off = retrieval(random_events(), als={"enabled": False})
    assert not {"als_score", "als_rank"} & set(proposals(off))
    assert {"popularity_score", "popularity_rank"} <= set(proposals(off))


def test_for_nobody_there_are_no_candidates_but_all_columns(found: Retrieval) -> None:
    nobody = np.empty(0, np.intp)
    assert list(found.candidates(nobody, "all", PARAMS)) == list(proposals(found))
    assert found.candidates(nobody, "new", PARAMS).empty
    assert list(own_lists(found, "als", nobody, "new", 5)) == ["user_id", "item_id", "rank", "score"]


@pytest.mark.parametrize("text", [False, True])
def test_a_saved_retrieval_proposes_the_same(tmp_path: Path, text: bool) -> None:
    events = random_events()
    if text:
        events = events.assign(user_id="u" + events["user_id"].astype(str), item_id="i" + events["item_id"].astype(str))
    before = retrieval(events)
    save_retrieval(before, tmp_path)
    after = load_retrieval(tmp_path)
    for task in TASKS:
        pd.testing.assert_frame_equal(proposals(before, task), proposals(after, task))
    assert list(after.retrievers) == list(before.retrievers)


def test_a_saved_retrieval_holds_arrays_and_tables_that_open_without_pickle(found: Retrieval, tmp_path: Path) -> None:
    names = saved_bytes(found, tmp_path)
    assert {Path(name).suffix for name in names} == {".npz", ".parquet", ".json"}
    for path in tmp_path.glob("*.npz"):
        with np.load(path, allow_pickle=False) as arrays:
            assert all(arrays[name].dtype != object for name in arrays)


def test_the_same_events_give_the_same_bytes(tmp_path: Path) -> None:
    once, again = (saved_bytes(retrieval(random_events()), tmp_path / name) for name in ("once", "again"))
    assert once == again


def test_string_ids_get_the_proposals_of_integer_ones(found: Retrieval) -> None:
    """Three digits each, so that they sort alike."""
    events = random_events().assign(user_id=lambda t: t["user_id"] + 100)
    named = events.assign(user_id="u" + events["user_id"].astype(str), item_id="i" + events["item_id"].astype(str))
    text = proposals(retrieval(named))
    assert (text["user_id"].str[1:].astype(int) - 100).tolist() == proposals(found)["user_id"].tolist()
    assert text["item_id"].str[1:].astype(int).tolist() == proposals(found)["item_id"].tolist()


def test_events_are_read_and_not_changed() -> None:
    events = random_events()
    before = events.copy(deep=True)
    proposals(retrieval(events))
    pd.testing.assert_frame_equal(events, before)


@pytest.mark.parametrize("future", ["none", "shuffled", "planted"])
def test_nothing_from_the_cutoff_on_is_seen(tmp_path: Path, future: str) -> None:
    """The future is removed, or dealt anew, or full of one item and of shoppers whom nobody knows yet."""
    past = random_events()
    after = random_events(seed=4).assign(timestamp=lambda t: t["timestamp"] + pd.Timedelta(days=60))
    after = after[after["timestamp"] >= CUTOFF]
    rng = np.random.default_rng(0)
    changed = {
        "none": after.iloc[:0],
        "shuffled": after.assign(item_id=rng.permutation(after["item_id"]), user_id=rng.permutation(after["user_id"])),
        "planted": event_table([(u, 999, 0.0) for u in range(90)] + [(3, 101, -1.0)]),
    }[future]
    real = saved_bytes(retrieval(pd.concat([past, after], ignore_index=True)), tmp_path / "real")
    canary = saved_bytes(retrieval(pd.concat([past, changed], ignore_index=True)), tmp_path / "canary")
    assert real == canary


def test_the_last_moment_before_the_cutoff_is_seen_and_the_cutoff_itself_is_not() -> None:
    events = event_table([(1, 7, 1.0), (1, 8, 0.0), (1, 9, 0.0)])
    events.loc[events["item_id"] == 9, "timestamp"] -= pd.Timedelta(microseconds=1)
    assert sorted(retrieval(events).items.tolist()) == [7, 9]


SHOPS_OF_ONE = {
    "one shopper": [(1, 7, 1.0), (1, 8, 2.0)],
    "one item": [(1, 7, 1.0), (2, 7, 2.0)],
    "one purchase": [(1, 7, 1.0)],
}


@pytest.mark.parametrize("rows", SHOPS_OF_ONE.values(), ids=SHOPS_OF_ONE.keys())
@pytest.mark.parametrize("similarity", ["cosine", "pearson", "tfidf", "bm25"])
def test_shops_of_one_propose_what_was_bought_and_nothing_new(
    rows: list[tuple[int, int, float]], similarity: str, tmp_path: Path
) -> None:
    """Nothing new is left only where each shopper has everything."""
    chosen = {"similarity": similarity}
    small = retrieval(event_table(rows), item_neighbours=chosen, user_neighbours=chosen)
    assert set(map(tuple, proposals(small)[["user_id", "item_id"]].to_numpy())) == {(u, i) for u, i, _ in rows}
    assert proposals(small, "new").empty
    save_retrieval(small, tmp_path)
    pd.testing.assert_frame_equal(proposals(load_retrieval(tmp_path)), proposals(small))


@pytest.mark.parametrize("similarity", ["cosine", "pearson", "tfidf", "bm25"])
def test_where_no_item_sells_to_enough_people_each_shopper_gets_the_own_history(similarity: str) -> None:
    chosen = {"similarity": similarity}
    events = event_table([(1, 7, 1.0), (2, 8, 2.0)])
    nothing = retrieval(events, universe_min_buyers=5, item_neighbours=chosen, user_neighbours=chosen)
    assert nothing.n_universe == 0
    assert proposals(nothing)[["user_id", "item_id"]].to_numpy().tolist() == [[1, 7], [2, 8]]
    assert proposals(nothing, "new").empty
    assert own_lists(nothing, "als", everyone(nothing), "all", 3).empty
