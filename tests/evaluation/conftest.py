"""A small shop whose truth is known, judged by the real code."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from tasks.evaluation.evidence import Evidence
from tasks.folds import Fold
from tasks.params.evaluation import EvaluationParams

FOLD = Fold("test", datetime(2024, 3, 4, tzinfo=UTC), timedelta(days=7))
N_ITEMS, LENGTH = 300, 100


@pytest.fixture
def params() -> EvaluationParams:
    return EvaluationParams(draws=400, seed=3)


def _lists(pairs: dict[str, np.ndarray], users: np.ndarray, task: str, name: Callable[[int], object]) -> pd.DataFrame:
    frames = [
        pd.DataFrame(
            {
                "system": system,
                "task": task,
                "user_id": np.repeat(users, LENGTH),
                "item_id": [name(i) for i in order[:, :LENGTH].ravel()],
                "rank": np.tile(np.arange(1, LENGTH + 1), len(users)),
            }
        )
        for system, order in pairs.items()
    ]
    return pd.concat(frames, ignore_index=True)


def make_evidence(n_users: int = 120, helps: bool = True, text_ids: bool = False, bare: bool = False) -> Evidence:
    """Every shopper buys 8 items. `als` finds them by chance; `shoprec` lifts them to the top in `als`'s list where it
    helps, and buries them where it does not. `bare`: no categories and no user attributes."""
    rng = np.random.default_rng(11)
    users = np.array([f"u{i:03}" for i in range(n_users)] if text_ids else np.arange(n_users) + 7000)
    name = (lambda i: f"sku-{i}") if text_ids else (lambda i: int(i) + 50)
    lists, labels, candidates = [], [], []
    for task in ("all", "new"):
        bought = np.array([rng.choice(N_ITEMS, 8, replace=False) for _ in users])
        is_bought = np.zeros((n_users, N_ITEMS), dtype=bool)
        is_bought[np.arange(n_users)[:, None], bought] = True
        als = np.argsort(rng.random((n_users, N_ITEMS)) - 0.25 * is_bought, axis=1)
        rank = np.argsort(als, axis=1) + 1
        popular = np.tile(rng.permutation(N_ITEMS), (n_users, 1))
        proposed_by_none = (rank > LENGTH) & (np.argsort(popular, axis=1) >= LENGTH)
        moved = rank - (60 if helps else -60) * is_bought + 10 * N_ITEMS * proposed_by_none
        reranked = np.argsort(moved, axis=1, kind="stable")
        systems = {"shoprec": reranked, "als": als, "popularity": popular}
        lists.append(_lists(systems, users, task, name))
        pairs = {"task": task, "user_id": np.repeat(users, 8), "item_id": [name(i) for i in bought.ravel()]}
        labels.append(pd.DataFrame(pairs))
        proposed = _lists({"als": als, "popularity": popular}, users, task, name)
        wide = proposed.pivot(index=["task", "user_id", "item_id"], columns="system", values="rank").reset_index()
        candidates.append(wide.rename(columns={"als": "als_rank", "popularity": "popularity_rank"}))
    items = pd.DataFrame({"item_id": [name(i) for i in range(N_ITEMS)]})
    items["buyers"], items["age_days"] = rng.integers(1, n_users, N_ITEMS), rng.integers(1, 365, N_ITEMS)
    people = pd.DataFrame({"user_id": users, "events": rng.integers(1, 90, n_users)})
    people["tenure_days"] = rng.integers(10, 300, n_users)
    if not bare:
        items["category_1"] = np.where(np.arange(N_ITEMS) % 2, "Food", "Drinks")
        items["category_2"] = [f"shelf {i % 20}" for i in range(N_ITEMS)]
        people["age"] = np.array(["Under 25", "25-44", "45+", None])[rng.integers(0, 4, n_users)]
    score = rng.normal(size=4000)
    label = (rng.random(4000) < 1 / (1 + np.exp(3 - score))).astype(int)
    scores = pd.DataFrame({"task": "all", "score": score, "label": label})
    gains = pd.DataFrame({"task": "all", "feature": ["als_rank", "item_buyers_28d"], "gain": [30.0, 10.0]})
    return Evidence(
        FOLD,
        pd.concat(lists, ignore_index=True),
        pd.concat(labels, ignore_index=True),
        pd.concat(candidates, ignore_index=True),
        items,
        people,
        pd.concat([scores, scores.assign(task="new")], ignore_index=True),
        pd.concat([gains, gains.assign(task="new")], ignore_index=True),
    )


@pytest.fixture(scope="session")
def evidence() -> Evidence:
    return make_evidence()


@pytest.fixture(scope="session")
def evidence_of() -> Callable[..., Evidence]:
    return make_evidence
