"""Metrics against written fractions, their own laws, and an independent library."""

from math import log2

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tasks.evaluation.metrics import METRICS, per_user, recall_curve

HITS = np.array([[True, False, True, False, False]])


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("recall@5", 2 / 3),
        ("recall@2", 1 / 2),  # three are relevant, two places: the best possible list would have scored 1
        ("precision@5", 2 / 5),
        ("f1@5", 2 * (2 / 5) * (2 / 3) / (2 / 5 + 2 / 3)),
        ("ndcg@5", (1 + 1 / log2(4)) / (1 + 1 / log2(3) + 1 / log2(4))),
        ("ndcg@2", 1 / (1 + 1 / log2(3))),
        ("map@5", (1 / 1 + 2 / 3) / 3),
        ("map@2", (1 / 1) / 2),
        ("mrr@5", 1),
        ("hit_rate@1", 1),
    ],
)
def test_a_hit_at_places_1_and_3_of_3_relevant_gives_the_written_fraction(key: str, expected: float) -> None:
    assert per_user(HITS, np.array([3]), [1, 2, 5])[key] == pytest.approx([expected])


def test_first_hit_at_place_4_has_reciprocal_rank_a_quarter_and_none_before() -> None:
    hits = np.array([[False, False, False, True]])
    found = per_user(hits, np.array([2]), [3, 4])
    assert (found["mrr@4"][0], found["mrr@3"][0], found["hit_rate@3"][0]) == (1 / 4, 0, 0)


@st.composite
def judged(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    hits = draw(arrays(bool, st.tuples(st.integers(1, 6), st.integers(1, 25))))
    missed = draw(arrays(np.int64, len(hits), elements=st.integers(0, 30)))
    return hits, np.maximum(hits.sum(axis=1) + missed, 1)


@given(judged())
def test_every_metric_stays_between_0_and_1_and_is_0_without_a_hit(case: tuple[np.ndarray, np.ndarray]) -> None:
    hits, relevant = case
    for values in per_user(hits, relevant, [1, hits.shape[1]]).values():
        assert ((values >= 0) & (values <= 1 + 1e-12)).all()
    for values in per_user(np.zeros_like(hits), relevant, [1, hits.shape[1]]).values():
        assert (values == 0).all()


@given(judged())
def test_the_best_reachable_order_scores_1_where_all_that_is_relevant_was_found(
    case: tuple[np.ndarray, np.ndarray],
) -> None:
    hits, _ = case
    best = -np.sort(-hits.astype(int), axis=1) > 0
    best[:, 0] = True
    relevant, k = best.sum(axis=1), hits.shape[1]
    found = per_user(best, relevant, [k])
    for name in ("recall", "ndcg", "map", "mrr", "hit_rate"):
        assert found[f"{name}@{k}"] == pytest.approx(np.ones(len(best)))


@given(judged())
def test_moving_a_hit_up_never_lowers_a_metric(case: tuple[np.ndarray, np.ndarray]) -> None:
    hits, relevant = case
    up = np.hstack([hits[:, 1:], np.zeros((len(hits), 1), dtype=bool)])
    first_is_hit = hits[:, 0]
    up[first_is_hit] = hits[first_is_hit]  # only where nothing falls off the top
    for k in (1, hits.shape[1]):
        before, after = per_user(hits, relevant, [k]), per_user(up, relevant, [k])
        assert all((after[key] >= before[key] - 1e-12).all() for key in before)


def test_recall_curve_is_mean_recall_at_every_length() -> None:
    rng = np.random.default_rng(0)
    hits, relevant = rng.random((40, 12)) < 0.2, np.full(40, 12)
    expected = [METRICS["recall"](hits, relevant, k).mean() for k in range(1, 13)]
    assert recall_curve(hits, relevant) == pytest.approx(expected)


def test_all_metrics_agree_with_trec_eval() -> None:
    """trec_eval divides recall and AP by all that is relevant, so those two are compared before their division."""
    rng = np.random.default_rng(5)
    n_users, depth = 80, 30
    relevant = rng.integers(1, 40, n_users)
    hits = rng.random((n_users, depth)) < 0.2
    hits &= np.cumsum(hits, axis=1) <= relevant[:, None]
    qrels, run = {}, {}
    for u in range(n_users):
        found = np.nonzero(hits[u])[0]
        missed = {f"missed{i}": 1 for i in range(relevant[u] - len(found))}
        qrels[str(u)] = {f"p{place}": 1 for place in found} | missed
        run[str(u)] = {f"p{place}": float(depth - place) for place in range(depth)}
    lengths = (5, 10, 20)
    cuts = ",".join(map(str, lengths))
    measures = {f"{name}.{cuts}" for name in ("recall", "P", "ndcg_cut", "map_cut", "success")} | {"recip_rank"}
    theirs = pytrec_eval.RelevanceEvaluator(qrels, measures).evaluate(run)

    def column(name: str) -> np.ndarray:
        return np.array([theirs[str(u)][name] for u in range(n_users)])

    ours = per_user(hits, relevant, [*lengths, depth])
    for k in lengths:
        reachable = np.minimum(k, relevant)
        precision, recall = column(f"P_{k}"), column(f"recall_{k}") * relevant / reachable
        f1 = np.divide(2 * precision * recall, precision + recall, out=np.zeros(n_users), where=precision > 0)
        assert ours[f"precision@{k}"] == pytest.approx(precision)
        assert ours[f"recall@{k}"] == pytest.approx(recall)
        assert ours[f"f1@{k}"] == pytest.approx(f1)
        assert ours[f"ndcg@{k}"] == pytest.approx(column(f"ndcg_cut_{k}"))
        assert ours[f"map@{k}"] == pytest.approx(column(f"map_cut_{k}") * relevant / reachable)
        assert ours[f"hit_rate@{k}"] == pytest.approx(column(f"success_{k}"))
    assert ours[f"mrr@{depth}"] == pytest.approx(column("recip_rank"))
