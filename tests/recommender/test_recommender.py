"""Laws of `recommend`: what a shopper may count on, whoever asks, and however the recommender got here."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.errors import ParamsError
from tasks.folds import newest_folds
from tasks.ingestion.valid import Valid
from tasks.params import load_params
from tasks.recommender import Recommender, bundle
from tasks.recommender import __main__ as recommends
from tasks.schema import TASKS, Task
from tests.flows.shops import ITEMS, USERS
from tests.shop import bought_in_sections, furnish, learn, with_integer_ids

SHOPPERS = [f"c{n:03d}" for n in range(USERS)]


def assembled(root: Path) -> Recommender:
    data, items = root / "data", Valid.read(root / "data" / "valid").items
    params = load_params(root / "params.yaml")
    parts = root / "models" / "ranker", data / "features" / "serve", data / "candidates" / "serve"
    return Recommender.assemble(*parts, items, params.candidates, params.diversity)


def lists(found: pd.DataFrame) -> dict[Any, list[Any]]:
    return {user: list(rows["item_id"]) for user, rows in found.groupby("user_id", sort=False)}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return learn(furnish(tmp_path_factory.mktemp("shop"), bought_in_sections(), folds={"train": 1}))


@pytest.fixture(scope="module")
def recommender(root: Path) -> Recommender:
    return assembled(root)


@pytest.fixture(scope="module")
def best_sold(root: Path) -> list[str]:
    """Each visit with an item counts half as much after 21 days."""
    params = load_params(root / "params.yaml")
    events = Valid.read(root / "data" / "valid").events
    cutoff = newest_folds(events, params.folds, params.shop)[1].cutoff
    visits = events.drop_duplicates(["user_id", "item_id", "session_id"])
    sold = 0.5 ** ((cutoff - visits["timestamp"]) / pd.Timedelta(days=21))
    return sold.groupby(visits["item_id"]).sum().sort_values(ascending=False).index.to_list()


def with_newcomers(recommender: Recommender, most_events: int, **state: Any) -> Recommender:
    """Of whom all with so many events are newcomers."""
    params = recommender.params.model_copy(update={"newcomer_events": most_events})
    newcomers = replace(recommender.retrieval.newcomers, **state)
    return replace(recommender, params=params, retrieval=replace(recommender.retrieval, newcomers=newcomers))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("k", [1, 10, 25])
def test_everybody_gets_exactly_k_items_ranked_from_1_each_once(recommender: Recommender, k: int, task: Task) -> None:
    found = recommender.recommend(SHOPPERS, k, task)
    assert list(found) == ["user_id", "rank", "item_id", "score"]
    assert found["user_id"].tolist() == [user for user in SHOPPERS for _ in range(k)]
    assert found["rank"].tolist() == [*range(1, k + 1)] * USERS
    assert not found.duplicated(["user_id", "item_id"]).any()


@pytest.mark.parametrize("task", TASKS)
def test_scores_fall_along_a_list(recommender: Recommender, task: Task) -> None:
    """Also where what sells fills a list up."""
    found = recommender.recommend([*SHOPPERS[:40], "nobody"], 30, task)
    assert (found.groupby("user_id")["score"].diff().dropna() <= 0).all()


def test_task_new_never_shows_what_the_shopper_owns(recommender: Recommender, root: Path) -> None:
    owned = pd.read_parquet(root / "data" / "valid" / "events.parquet")[["user_id", "item_id"]].drop_duplicates()
    assert recommender.recommend(SHOPPERS, ITEMS, "new").merge(owned).empty


def test_task_all_shows_first_what_a_shopper_buys_every_week(recommender: Recommender, root: Path) -> None:
    events = pd.read_parquet(root / "data" / "valid" / "events.parquet")
    count = events.groupby(["user_id", "item_id"]).size()
    best = recommender.recommend(SHOPPERS, 1)
    weekly = [count.get(pair, 0) for pair in best[["user_id", "item_id"]].itertuples(index=False, name=None)]
    assert np.mean(np.array(weekly) >= 5) > 0.95


@pytest.mark.parametrize("task", TASKS)
def test_a_shopper_whom_nobody_knows_gets_what_sells(
    recommender: Recommender, best_sold: list[str], task: Task
) -> None:
    assert lists(recommender.recommend(["nobody"], 12, task)) == {"nobody": best_sold[:12]}


def test_a_shopper_with_hardly_an_event_gets_what_sells_and_what_of_their_own_is_bought_again(
    recommender: Recommender, best_sold: list[str]
) -> None:
    retrieval = recommender.retrieval
    events = np.asarray(retrieval.owned.sum(axis=1)).ravel()
    fewest, most = retrieval.users[events.argmin()], retrieval.users[events.argmax()]
    few = with_newcomers(recommender, int(events.min()))
    own = retrieval.items[retrieval.owned[events.argmin()].indices]
    others = [item for item in best_sold if item not in own]
    assert lists(few.recommend([fewest], 12, "new")) == {fewest: others[:12]}
    found = lists(few.recommend([fewest], 1000))[fewest]
    assert [item for item in found if item not in own] == others
    again = pd.Series(retrieval.newcomers.again, retrieval.items)
    assert again[[item for item in found if item in own]].is_monotonic_decreasing
    assert lists(few.recommend([most], 12)) == lists(recommender.recommend([most], 12))


@pytest.mark.parametrize("task", TASKS)
def test_where_most_shoppers_are_newcomers_the_ranker_has_learned_from_such(
    recommender: Recommender, task: Task
) -> None:
    many = with_newcomers(recommender, 10_000, share=0.2)
    assert lists(many.recommend(SHOPPERS, 12, task)) == lists(recommender.recommend(SHOPPERS, 12, task))
    few = with_newcomers(recommender, 10_000, share=0.05)
    assert lists(few.recommend(SHOPPERS, 12, task)) != lists(recommender.recommend(SHOPPERS, 12, task))


def test_a_bundle_from_before_newcomers_were_known_gives_them_the_universe_in_its_order(
    recommender: Recommender, root: Path, tmp_path: Path
) -> None:
    old = bundled(root, tmp_path / "bundle")
    (old / "retrieval" / "newcomers.npz").unlink()
    found = lists(Recommender.load(old).recommend(["nobody"], 12))
    assert found == {"nobody": recommender.retrieval.items[:12].tolist()}


def test_lists_come_in_the_order_in_which_shoppers_are_named_each_once(recommender: Recommender) -> None:
    asked = ["c150", "nobody", "c003", "c150", "c080"]
    found = lists(recommender.recommend(asked, 3))
    assert list(found) == ["c150", "nobody", "c003", "c080"]
    assert {len(items) for items in found.values()} == {3}


def test_asked_for_more_than_the_shop_sells_it_gives_all_that_there_is(recommender: Recommender, root: Path) -> None:
    owned = pd.read_parquet(root / "data" / "valid" / "events.parquet").groupby("user_id")["item_id"].nunique()
    everything = recommender.recommend(["c007", "nobody"], 1000)
    assert everything.groupby("user_id").size().to_dict() == {"c007": ITEMS, "nobody": ITEMS}
    new = recommender.recommend(["c007"], 1000, "new")
    assert len(new) == ITEMS - owned["c007"]


@pytest.mark.parametrize("task", TASKS)
def test_a_shopper_alone_gets_the_list_of_the_batch(recommender: Recommender, task: Task) -> None:
    batch = lists(recommender.recommend([*SHOPPERS, "nobody"], 20, task))
    for user in ("c000", "c127", "c128", "c199", "nobody"):
        assert lists(recommender.recommend([user], 20, task)) == {user: batch[user]}


@pytest.mark.parametrize("task", TASKS)
def test_a_short_list_is_the_beginning_of_a_long_one(recommender: Recommender, task: Task) -> None:
    short, long = (lists(recommender.recommend(SHOPPERS[:30], k, task)) for k in (5, 40))
    assert all(long[user][:5] == items for user, items in short.items())


def test_asked_twice_it_answers_the_same(recommender: Recommender) -> None:
    once, again = (recommender.recommend(SHOPPERS, 10, "new") for _ in range(2))
    pd.testing.assert_frame_equal(once, again)


@pytest.mark.parametrize("users", [["c003", "c004"], np.array(["c003", "c004"]), pd.Series(["c003", "c004"])])
def test_users_may_be_any_sequence(recommender: Recommender, users: Sequence[str]) -> None:
    assert list(lists(recommender.recommend(users, 2))) == ["c003", "c004"]


def test_nobody_asked_for_is_no_list(recommender: Recommender) -> None:
    found = recommender.recommend([], 5)
    assert list(found) == ["user_id", "rank", "item_id", "score"]
    assert found.empty


@pytest.mark.parametrize("k", [0, -3])
def test_a_list_of_no_items_is_an_error(recommender: Recommender, k: int) -> None:
    with pytest.raises(ParamsError, match=f"k is {k}, but a list has at least 1 item"):
        recommender.recommend(["c003"], k)


def test_a_task_that_does_not_exist_is_an_error_that_names_those_that_do(recommender: Recommender) -> None:
    with pytest.raises(ParamsError, match="no task 'repeat': it is one of all, new"):
        recommender.recommend(["c003"], 5, "repeat")  # pyright: ignore[reportArgumentType]


def test_what_was_never_sold_has_a_list_of_its_own(recommender: Recommender) -> None:
    described = recommender.tables.items
    unsold = described[:2].assign(item_id=["new-1", "new-2"])
    tables = replace(recommender.tables, items=pd.concat([described, unsold]))
    more = replace(recommender, tables=tables)
    found = more.recommend_unsold(["c003", "nobody"], 5)
    assert {user: set(items) for user, items in lists(found).items()} == dict.fromkeys(
        ["c003", "nobody"], {"new-1", "new-2"}
    )
    assert not set(found["item_id"]) & set(more.recommend(["c003", "nobody"], 1000)["item_id"])
    with pytest.raises(ParamsError, match="k is 0"):
        more.recommend_unsold(["c003"], 0)


def bundled(root: Path, out: Path) -> Path:
    data, items = root / "data", Valid.read(root / "data" / "valid").items
    params = load_params(root / "params.yaml")
    parts = root / "models" / "ranker", data / "features" / "serve", data / "candidates" / "serve"
    bundle(*parts, items, params.candidates, params.diversity, out)
    return out


@pytest.mark.parametrize("task", TASKS)
def test_a_bundle_recommends_the_same_wherever_it_is_moved(
    recommender: Recommender, root: Path, tmp_path: Path, task: Task
) -> None:
    moved = shutil.move(bundled(root, tmp_path / "bundle"), tmp_path / "elsewhere")
    users = [*SHOPPERS, "nobody"]
    after = Recommender.load(Path(moved)).recommend(users, 20, task)
    pd.testing.assert_frame_equal(after, recommender.recommend(users, 20, task))


def test_a_bundle_is_arrays_tables_and_text(root: Path, tmp_path: Path) -> None:
    files = [path for path in bundled(root, tmp_path / "bundle").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".npz", ".parquet", ".json", ".txt"}
    for path in files:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                assert all(arrays[name].dtype != object for name in arrays)


def test_integer_ids_come_back_as_integers_and_rank_as_strings_do(recommender: Recommender, tmp_path: Path) -> None:
    """Both kinds of id sort alike in this shop, so nothing else differs."""
    numbered = assembled(learn(furnish(tmp_path, with_integer_ids(bought_in_sections()), folds={"train": 1})))
    found = numbered.recommend([5, 170, 99_999], 10)
    assert pd.api.types.is_integer_dtype(found["user_id"])
    assert pd.api.types.is_integer_dtype(found["item_id"])
    text = recommender.recommend(["c005", "c170", "nobody"], 10)
    assert found["item_id"].tolist() == text["item_id"].str[4:].astype(int).tolist()


def test_lists_are_the_same_however_many_users_are_worked_on_at_once(
    recommender: Recommender, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    users = np.array([*SHOPPERS[:9], "nobody"])
    recommends._write_lists(recommender, users, 5, tmp_path / "whole.parquet")
    assert capsys.readouterr().out == "", "no progress of what is one block"
    recommends._write_lists(recommender, users, 5, tmp_path / "blocks.parquet", at_once=4)
    assert capsys.readouterr().out.splitlines()[-1] == "10 of 10 shoppers have their lists"
    whole, blocks = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("whole", "blocks"))
    by = ["task", "user_id", "rank"]
    assert whole.sort_values(by, ignore_index=True).equals(blocks.sort_values(by, ignore_index=True))


@pytest.mark.parametrize("task", TASKS)
def test_lists_are_the_same_however_many_candidates_are_scored_at_once(
    recommender: Recommender, monkeypatch: pytest.MonkeyPatch, task: Task
) -> None:
    """Blocks end within a shopper's candidates. Of 70 items everybody's list is short, and filled up."""
    whole = recommender.recommend(SHOPPERS, 70, task)
    monkeypatch.setattr("tasks.recommender.recommender._ROWS", 97)
    assert recommender.recommend(SHOPPERS, 70, task).equals(whole)
