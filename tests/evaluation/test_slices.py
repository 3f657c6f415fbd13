"""Slices partition what they cut, and are named so that a person knows what is in them."""

import numpy as np
import pandas as pd
import pytest

from tasks.evaluation.calibration import calibration, wilson
from tasks.evaluation.evidence import Evidence
from tasks.evaluation.judgement import evaluate
from tasks.evaluation.slices import user_groups
from tasks.params.evaluation import EvaluationParams


def test_the_parts_of_every_dimension_of_users_make_up_the_whole(evidence: Evidence, params: EvaluationParams) -> None:
    of = evaluate(evidence, params).document["tasks"]["all"]
    rows = pd.DataFrame(of["slices"])
    rows = rows[(rows["metric"] == "ndcg@10") & (rows["kind"] != "item")]
    for dimension, part in rows.groupby("dimension"):
        assert part["users"].sum() == of["users"], dimension
        mean = (part["value"] * part["users"]).sum() / part["users"].sum()
        assert mean == pytest.approx(of["systems"]["shoprec"]["ndcg@10"]["value"], abs=1e-5)
    assert (rows["low"] <= rows["value"]).all()
    assert (rows["value"] <= rows["high"]).all()
    assert rows["lift"].to_numpy() == pytest.approx((rows["value"] - rows["best_retriever"]).to_numpy(), abs=1e-5)


def test_groups_are_in_order_named_by_their_ends_and_unknown_is_last() -> None:
    users = pd.DataFrame(
        {
            "events": [1, 2, 3, 4, 50, 60, 70, 80],
            "tenure_days": [5] * 8,
            "income": ["35-49K", "Under 15K", None, "100K+", "15-24K", "35-49K", "100K+", "15-24K"],
            "postcode": np.arange(8) * 1000,
            "children": [2.0, 0.0, None, 1.0, 1.0, 2.0, 0.0, 0.0],
            "free_text": [f"text {i}" for i in range(8)],
        }
    )
    groups = user_groups(users, EvaluationParams(activity_groups=2, most_attribute_values=5, cold_events=3))
    assert list(groups["activity (events before the cutoff)"].cat.categories) == ["1 to 4", "50 to 80", "unknown"]
    assert list(groups["income"].cat.categories) == ["Under 15K", "15-24K", "35-49K", "100K+", "unknown"]
    assert list(groups["postcode"].cat.categories)[:2] == ["0 to 3,000", "4,000 to 7,000"]
    assert list(groups["children"].cat.categories) == ["0", "1", "2", "unknown"]
    assert (groups["cold start"] == "at most 3 events").sum() == 3
    assert "tenure (days since the first event)" not in groups  # the same for everyone
    assert "free text" not in groups  # as many values as users


def test_recall_of_old_and_young_items_is_counted_apart(evidence: Evidence, params: EvaluationParams) -> None:
    """Where every relevant young item is on top of the lists and no old one is, recall is 1 and 0."""
    young = set(evidence.items.loc[evidence.items["age_days"] <= 30, "item_id"])
    labels = evidence.labels[evidence.labels["task"] == "all"]
    top = labels[labels["item_id"].isin(young)].assign(system="shoprec")
    top["rank"] = top.groupby("user_id").cumcount() + 1
    judged = evaluate(Evidence(**{**vars(evidence), "lists": top, "labels": labels}), params)
    rows = pd.DataFrame(judged.document["tasks"]["all"]["slices"])
    by_age = rows[rows["dimension"].str.startswith("age of the item")].set_index("slice")["value"]
    assert by_age.to_dict() == {"up to 30": 1.0, "31 to 90": 0.0, "91 to 180": 0.0, "over 180": 0.0}


def test_calibration_groups_partition_the_sample_and_rise_where_scores_are_good() -> None:
    rng = np.random.default_rng(0)
    score = rng.normal(size=50_000)
    label = (rng.random(50_000) < 1 / (1 + np.exp(2 - 2 * score))).astype(int)
    groups = pd.DataFrame(calibration(pd.DataFrame({"score": score, "label": label})))
    assert groups["size"].sum() == 50_000
    assert groups["score"].is_monotonic_increasing
    assert groups["bought"].is_monotonic_increasing
    assert (groups["bought"] * groups["size"]).sum() == pytest.approx(label.sum())
    assert calibration(pd.DataFrame({"score": [], "label": []})) == []


def test_wilson_interval_of_a_known_case_and_at_the_ends() -> None:
    assert wilson(8, 10) == pytest.approx((0.4901625, 0.9433178), abs=1e-6)
    assert wilson(0, 10)[0] == 0
    assert wilson(10, 10)[1] == pytest.approx(1)
