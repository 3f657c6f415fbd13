"""What bounds the cost of a larger shop: which items and which shoppers stay in, and that a shop below sees nothing."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.candidates.history import History
from tasks.candidates.neighbours import fit_user_neighbours, similarities
from tasks.candidates.store import save_retrieval
from tasks.candidates.union import Retrieval
from tasks.params.candidates import CandidateParams, Similarity
from tests.candidates.shops import FOLD, SHOP, candidate_params, event_table, history, random_events
from tests.candidates.test_formulas import KINDS


def retrieval(**changed: object) -> Retrieval:
    return Retrieval.to_learn(random_events(), None, FOLD, candidate_params(**changed), SHOP)


@pytest.fixture(scope="module")
def random_shop() -> History:
    return history(random_events())


def test_of_too_many_items_the_universe_keeps_the_most_bought_and_of_those_bought_alike_the_lower_ids() -> None:
    """8 has three buyers; 3, 5 and 7 have two; 9 has one, who bought it eight times."""
    rows = [(user, item, 1.0) for item, people in ((8, 3), (7, 2), (5, 2), (3, 2)) for user in range(people)]
    bought = event_table([*rows, *((0, 9, float(day)) for day in range(1, 9))])
    found = history(bought, universe_max_items=3)
    assert (found.items.tolist(), found.n_universe) == ([8, 3, 5, 7, 9], 3)
    assert history(bought, universe_max_items=5).n_universe == history(bought).n_universe == 5
    assert found.matrix(None).toarray().tolist() == history(bought).matrix(None).toarray()[:, :3].tolist()
    assert found.owned().toarray().tolist() == history(bought).owned().toarray().tolist()


def test_what_the_universe_has_no_room_for_is_proposed_to_who_owns_it_and_to_nobody_else() -> None:
    small, params = retrieval(universe_max_items=10), candidate_params()
    found = small.candidates_of_tasks(np.arange(len(small.users)), ("all", "new"), params)
    others, owned = set(small.items[10:]), random_events()[["user_id", "item_id"]].drop_duplicates()
    outside = found["all"][found["all"]["item_id"].isin(others)]
    assert len(outside) == len(outside.merge(owned)) > 0
    assert not set(found["new"]["item_id"]) & others


def test_bounds_that_a_shop_does_not_reach_change_no_byte(tmp_path: Path) -> None:
    free = retrieval()
    pairs = int((free.owned[:, : free.n_universe] > 0).sum())
    bounds = {"universe_max_items": free.n_universe, "user_neighbours": {"pool": pairs}}
    for name, found in (("free", free), ("bounded", retrieval(**bounds))):
        save_retrieval(found, tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "free").iterdir())
    assert all((tmp_path / "free" / f).read_bytes() == (tmp_path / "bounded" / f).read_bytes() for f in files)


def test_params_made_before_there_were_bounds_have_none() -> None:
    before = candidate_params(universe_max_items=9, user_neighbours={"pool": 9}).model_dump()
    del before["universe_max_items"], before["user_neighbours"]["pool"]
    loaded = CandidateParams.model_validate(before)
    assert loaded.universe_max_items is loaded.user_neighbours.pool is None


@pytest.mark.parametrize("kind", KINDS)
def test_in_a_pool_of_everybody_the_same_are_alike(random_shop: History, kind: Similarity) -> None:
    rows = random_shop.matrix(20)
    among_all = similarities(rows, kind, 7, np.arange(len(random_shop.users)))
    np.testing.assert_allclose(among_all.toarray(), similarities(rows, kind, 7).toarray(), rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_in_a_pool_a_row_is_as_much_like_these_rows_as_among_all(random_shop: History, kind: Similarity) -> None:
    """There are more rows in the pool than columns, and then more than neighbours."""
    rows, pool = random_shop.matrix(None)[:, :25], np.arange(1, 31)
    expected = similarities(rows, kind, 10_000).toarray()
    expected[:, np.setdiff1d(np.arange(len(expected)), pool)] = 0
    np.testing.assert_allclose(similarities(rows, kind, 10_000, pool).toarray(), expected, atol=1e-6)
    nearest = similarities(rows, kind, 4, pool).toarray()
    np.testing.assert_allclose(np.sort(nearest, axis=1)[:, -4:], np.sort(expected, axis=1)[:, -4:], atol=1e-6)


def test_neighbours_are_shoppers_of_the_pool_who_together_had_no_more_than_so_many_items() -> None:
    shop, most = history(random_events()), 150
    model = fit_user_neighbours(shop, candidate_params(user_neighbours={"pool": most}).user_neighbours)
    had = shop.matrix(None).getnnz(axis=1)
    pool = np.unique(model.left.indices)
    assert most - had.max() < had[pool].sum() <= most
    assert not model.left.diagonal().any()


def test_the_pool_is_of_the_same_shoppers_after_others_joined() -> None:
    """Whoever joins may take a place, and everybody who is pushed out had one of the last."""

    def pool_of(events: pd.DataFrame) -> set[int]:
        shop = history(events)
        model = fit_user_neighbours(shop, candidate_params(user_neighbours={"pool": 200}).user_neighbours)
        return set(shop.users[np.unique(model.left.indices)])

    before = random_events()
    joined = pd.concat([before, random_events(seed=5).assign(user_id=lambda t: t["user_id"] - 40)], ignore_index=True)
    assert {user for user in pool_of(joined) if user >= 0} < pool_of(before)


def test_one_event_a_user_item_session_and_type_counts_whatever_their_order() -> None:
    """Sessions that two shoppers share, and lines of one receipt that do not follow each other."""
    rng = np.random.default_rng(5)
    bought = random_events(lines=2000).assign(session_id=rng.integers(0, 9, 2000)).sample(frac=1, random_state=1)
    views = bought.sample(700, random_state=2).assign(event_type="view")
    events = pd.concat([bought, views, views], ignore_index=True)
    found = history(events, event_weights={"view": 0.5})
    once = events.drop_duplicates(["user_id", "item_id", "session_id", "event_type"])
    assert found.users[found.user].tolist() == once["user_id"].tolist()
    assert found.items[found.item].tolist() == once["item_id"].tolist()
    assert found.target.tolist() == (once["event_type"] == "purchase").tolist()
