"""Retrievers against their textbook formulas, computed plainly on small matrices."""

from typing import get_args

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from tasks.candidates.als import Als
from tasks.candidates.ease import Ease
from tasks.candidates.history import History
from tasks.candidates.neighbours import fit_item_neighbours, fit_user_neighbours, similarities
from tasks.candidates.own_history import OwnHistory
from tasks.candidates.popularity import Popularity
from tasks.candidates.retriever import FittedRetriever
from tasks.params.candidates import Similarity
from tests.candidates.shops import FOLD, candidate_params, event_table, history, random_events

KINDS = get_args(Similarity)
SHOP_OF_THREE = event_table(
    [
        ("ann", "tea", 1.0),
        ("ann", "tea", 31.0),
        ("ann", "oat", 61.0),
        ("bob", "tea", 31.0),
        ("bob", "jam", 200.0),  # long ago: no universe of 90 days holds it
    ]
)


def everyone(found: History) -> NDArray[np.intp]:
    return np.arange(len(found.users))


def table(model: FittedRetriever, users: NDArray[np.intp], columns: int) -> NDArray[np.float32]:
    """All its scores: (len(users), columns)."""
    rows = np.repeat(np.arange(len(users)), columns)
    return model.scores(users).at(rows, np.tile(np.arange(columns), len(users))).reshape(len(users), columns)


def cosine(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows @ rows.T / (length * length.T)


@pytest.fixture(scope="module")
def random_shop() -> History:
    return history(random_events())


def test_positions_follow_sorted_users_and_the_universe_from_most_to_least_bought() -> None:
    found = history(SHOP_OF_THREE)
    assert found.users.tolist() == ["ann", "bob"]
    assert found.items.tolist() == ["tea", "oat", "jam"]
    assert found.n_universe == 2


def test_strength_halves_with_every_half_life() -> None:
    """tea, oat: ann had tea 1 and 31 days ago and oat 61 days ago; jam is outside the universe."""
    expected = [[0.5 ** (1 / 30) + 0.5 ** (31 / 30), 0.5 ** (61 / 30)], [0.5 ** (31 / 30), 0]]
    np.testing.assert_allclose(history(SHOP_OF_THREE).matrix(30).toarray(), expected, rtol=1e-6)
    assert history(SHOP_OF_THREE).matrix(None).toarray().tolist() == [[2, 1], [1, 0]]


def test_what_stands_twice_on_one_receipt_counts_once() -> None:
    assert history(event_table([(1, 7, 2.0), (1, 7, 2.0)])).matrix(None).toarray().tolist() == [[1]]


def test_other_events_count_with_their_weight_and_are_not_owned() -> None:
    views = event_table([("ann", "jam", 1.0), ("ann", "tea", 1.0)], "view")
    found = history(pd.concat([SHOP_OF_THREE, views], ignore_index=True), event_weights={"view": 0.25})
    jam, tea = found.items.tolist().index("jam"), found.items.tolist().index("tea")
    assert found.matrix(None).toarray()[0, tea] == 2.25
    assert jam >= found.n_universe, "looked at, not bought, within 90 days"
    assert found.owned().toarray()[0, jam] == 0


def test_ease_weights_of_an_item_are_the_ridge_regression_on_all_others(random_shop: History) -> None:
    """Steck, eq. 4: column j minimises |x_j - X b|^2 + lambda |b|^2 with b_j = 0."""
    model = Ease.fit(random_shop, candidate_params().ease)
    strength = np.log1p(random_shop.matrix(None).toarray()[:, :20].astype(np.float64))
    for item in range(20):
        others = np.delete(np.arange(20), item)
        expected = Ridge(alpha=3.0, fit_intercept=False).fit(strength[:, others], strength[:, item]).coef_
        np.testing.assert_allclose(model.weights[others, item], expected, atol=1e-4)
        assert model.weights[item, item] == 0
    np.testing.assert_allclose(model.scores(np.array([3, 0])).values, strength[[3, 0]] @ model.weights, atol=1e-4)


def test_ease_takes_a_head_larger_than_the_universe_and_a_universe_of_nothing(random_shop: History) -> None:
    assert (
        Ease.fit(random_shop, candidate_params(ease={"head": 500}).ease).weights.shape == (random_shop.n_universe,) * 2
    )
    nothing = history(random_events(), universe_min_buyers=1000)
    assert Ease.fit(nothing, candidate_params().ease).scores(everyone(nothing)).values.shape == (len(nothing.users), 0)


def test_als_scores_are_user_factors_times_item_factors(random_shop: History) -> None:
    model = Als.fit(random_shop, candidate_params().als)
    users = np.array([3, 0, 17])
    by_hand = [[sum(model.user_factors[u] * q) for q in model.item_factors] for u in users]
    np.testing.assert_allclose(table(model, users, random_shop.n_universe), by_hand, rtol=1e-4, atol=1e-6)


def test_als_item_factors_solve_the_least_squares_of_the_paper(random_shop: History) -> None:
    """Hu et al., eq. 5: q_i = (P'P + P'(C_i - I)P + lambda I)^-1 P' C_i p(i), with confidence alpha * strength where
    there is any, 1 elsewhere. Two factors, so that two steps of the conjugate gradient are an exact solution."""
    params = candidate_params(als={"factors": 2, "alpha": 1.5, "regularization": 0.3, "iterations": 3}).als
    model = Als.fit(random_shop, params)
    p, strength = model.user_factors.astype(float), random_shop.matrix(None).toarray().astype(float)
    for item in range(random_shop.n_universe):
        has = strength[:, item] > 0
        confidence = np.where(has, params.alpha * strength[:, item], 1.0)
        left = p.T @ np.diag(confidence) @ p + params.regularization * np.eye(2)
        expected = np.linalg.solve(left, p.T @ (confidence * has))
        np.testing.assert_allclose(model.item_factors[item], expected, rtol=2e-3, atol=2e-4)


def test_cosine_similarity(random_shop: History) -> None:
    rows = random_shop.matrix(None)
    found = similarities(rows, "cosine", neighbours=10_000).toarray()
    np.testing.assert_allclose(found, cosine(rows.toarray().astype(float)), atol=1e-5)


def test_pearson_similarity_is_the_correlation_where_it_is_above_0(random_shop: History) -> None:
    rows = random_shop.matrix(None)
    found = similarities(rows, "pearson", neighbours=10_000).toarray()
    np.testing.assert_allclose(found, np.maximum(np.corrcoef(rows.toarray()), 0), atol=1e-4)


def test_pearson_of_a_row_without_variation_is_0() -> None:
    rows = sp.csr_matrix(np.array([[2, 2, 2], [1, 0, 2]], np.float32))
    assert similarities(rows, "pearson", 5).toarray()[0].tolist() == [0, 0]


def test_tfidf_similarity_is_the_cosine_of_weighted_rows(random_shop: History) -> None:
    """sqrt(tf) * idf with idf = ln(n / (1 + number of rows that have the column))."""
    rows = random_shop.matrix(None)
    dense = rows.toarray().astype(float)
    idf = np.log(len(dense) / (1 + (dense > 0).sum(axis=0)))
    found = similarities(rows, "tfidf", 10_000).toarray()
    np.testing.assert_allclose(found, cosine(np.sqrt(dense) * idf), atol=1e-5)


def test_bm25_similarity_is_the_product_of_weighted_rows(random_shop: History) -> None:
    """tf * (k1 + 1) / (k1 * (1 - b + b * length / mean length) + tf) * idf, with k1 = 1.2 and b = 0.75."""
    rows = random_shop.matrix(None)
    dense = rows.toarray().astype(float)
    idf = np.log(len(dense) / (1 + (dense > 0).sum(axis=0)))
    length = dense.sum(axis=1, keepdims=True)
    weighted = dense * 2.2 / (1.2 * (0.25 + 0.75 * length / length.mean()) + dense) * idf
    np.testing.assert_allclose(
        similarities(rows, "bm25", 10_000).toarray(), weighted @ weighted.T, rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_that_has_only_what_all_but_one_have_is_like_nothing_or_itself(kind: Similarity) -> None:
    """Of n rows, n - 1 have the first column: by tfidf and bm25 it is worth ln(n / n) = 0."""
    rows = sp.csr_matrix(np.array([[1, 0, 1], [1, 0, 0], [1, 1, 0], [0, 1, 1]], np.float32))
    assert np.isfinite(similarities(rows, kind, 3).toarray()).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_without_rows_or_columns_nothing_is_alike(kind: Similarity, shape: tuple[int, int]) -> None:
    found = similarities(sp.csr_matrix(shape, dtype=np.float32), kind, 3)
    assert (found.shape, found.nnz) == ((shape[0], shape[0]), 0)


@pytest.mark.parametrize("kind", ["cosine", "pearson"])
def test_only_the_nearest_neighbours_are_kept(random_shop: History, kind: Similarity) -> None:
    rows = random_shop.matrix(None)
    every = similarities(rows, kind, 10_000).toarray()
    nearest = similarities(rows, kind, 4).toarray()
    assert ((nearest > 0).sum(axis=1) <= 4).all()
    np.testing.assert_allclose(np.sort(nearest, axis=1)[:, -4:], np.sort(every, axis=1)[:, -4:], atol=1e-6)


def test_item_neighbours_score_is_strength_times_similarity(random_shop: History) -> None:
    model = fit_item_neighbours(random_shop, candidate_params(item_neighbours={"half_life_days": 20}).item_neighbours)
    strength = random_shop.matrix(20).toarray().astype(float)
    expected = strength @ cosine(strength.T)
    np.testing.assert_allclose(
        table(model, everyone(random_shop), random_shop.n_universe), expected, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_user_neighbours_score_is_what_the_others_have_by_their_share_of_likeness(
    random_shop: History, power: float
) -> None:
    model = fit_user_neighbours(random_shop, candidate_params(user_neighbours={"power": power}).user_neighbours)
    strength = random_shop.matrix(None).toarray().astype(float)
    alike = cosine(strength) ** power
    np.fill_diagonal(alike, 0)
    expected = alike / alike.sum(axis=1, keepdims=True) @ strength
    np.testing.assert_allclose(
        table(model, everyone(random_shop), random_shop.n_universe), expected, rtol=1e-4, atol=1e-5
    )


def test_own_history_is_the_decayed_number_of_visits_also_outside_the_universe() -> None:
    """Columns: tea, oat, jam."""
    model = OwnHistory.fit(history(SHOP_OF_THREE), candidate_params().own_history)
    expected = [[0.5 ** (1 / 30) + 0.5 ** (31 / 30), 0.5 ** (61 / 30), 0], [0.5 ** (31 / 30), 0, 0.5 ** (200 / 30)]]
    np.testing.assert_allclose(table(model, np.array([0, 1]), 3), expected, rtol=1e-5)


def test_own_history_of_years_ago_stays_above_nothing() -> None:
    model = OwnHistory.fit(history(event_table([(1, 7, 9000.0), (1, 8, 1.0)])), candidate_params().own_history)
    assert (table(model, np.array([0]), 2) > 0).all()


def test_popularity_is_the_number_of_visits_in_its_window() -> None:
    """Of the last 31 days, the edge included: tea at 1, 31 and 31 days; of oat, none. Views do not sell."""
    views = event_table([("bob", "oat", 1.0)], "view")
    found = history(pd.concat([SHOP_OF_THREE, views], ignore_index=True), event_weights={"view": 1.0})
    model = Popularity.fit(found, candidate_params(popularity={"days": 31}).popularity, None, FOLD)
    assert table(model, np.array([0, 1]), 2).tolist() == [[3, 0]] * 2


def test_popularity_with_a_half_life_counts_older_visits_less() -> None:
    """Tea at 1, 31 and 31 days."""
    params = candidate_params(popularity={"days": 31, "half_life_days": 30}).popularity
    model = Popularity.fit(history(SHOP_OF_THREE), params, None, FOLD)
    np.testing.assert_allclose(table(model, np.array([0]), 2), [[0.5 ** (1 / 30) + 2 * 0.5 ** (31 / 30), 0]], rtol=1e-5)
