"""From evidence to the files: known answers, laws, refusals."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.errors import BrokenCheckError
from tasks.evaluation.evidence import Evidence
from tasks.evaluation.judgement import evaluate
from tasks.params.evaluation import EvaluationParams
from tests.evaluation.conftest import FOLD

MakeEvidence = Callable[..., Evidence]


def test_the_headline_says_that_reranking_beats_where_the_paired_interval_is_above_zero(
    evidence: Evidence, params: EvaluationParams
) -> None:
    judged = evaluate(evidence, params)
    assert judged.headline.startswith("Re-ranking beats the best single retriever on both tasks: all purchases NDCG@10")
    for of in judged.document["tasks"].values():
        assert of["verdict"] == "beats"
        assert of["lifts"][of["best_retriever"]]["ndcg@10"]["low"] > 0


def test_the_headline_says_so_where_reranking_loses_or_changes_nothing(
    evidence_of: MakeEvidence, params: EvaluationParams
) -> None:
    worse = evaluate(evidence_of(helps=False), params)
    claim = "Re-ranking does NOT beat the best single retriever on all purchases and new items: "
    assert worse.headline.startswith(claim)
    same = evidence_of()
    als = same.lists[same.lists["system"] == "als"]
    others = same.lists[same.lists["system"] != "shoprec"]
    copied = evaluate(replace(same, lists=pd.concat([others, als.assign(system="shoprec")])), params)
    assert copied.document["tasks"]["all"]["verdict"] == "no difference shown"
    assert "does NOT beat" in copied.headline


def test_one_lost_task_is_named_alone(evidence_of: MakeEvidence, params: EvaluationParams) -> None:
    good, bad = evidence_of(), evidence_of(helps=False)
    lists = pd.concat([good.lists[good.lists["task"] == "all"], bad.lists[bad.lists["task"] == "new"]])
    headline = evaluate(replace(good, lists=lists), params).headline
    assert headline.startswith("Re-ranking does NOT beat the best single retriever on new items: all purchases")


def test_two_shoppers_by_hand() -> None:
    """Ada has a hit at place 2 of 2 relevant; Bob has no list and scores 0."""
    small = Evidence(
        fold=FOLD,
        lists=pd.DataFrame(
            [("shoprec", "all", "ada", "x", 1), ("shoprec", "all", "ada", "y", 2), ("shoprec", "all", "eve", "y", 1)],
            columns=["system", "task", "user_id", "item_id", "rank"],
        ),
        labels=pd.DataFrame(
            [("all", "ada", "y"), ("all", "ada", "z"), ("all", "bob", "x")], columns=["task", "user_id", "item_id"]
        ),
        candidates=pd.DataFrame(
            [("all", "ada", "x", 1, None), ("all", "ada", "y", 2, 1), ("all", "bob", "x", None, 1)],
            columns=["task", "user_id", "item_id", "als_rank", "popularity_rank"],
        ),
        items=pd.DataFrame({"item_id": ["x", "y", "z"], "buyers": [3, 1, 1], "age_days": [9, 9, 9]}),
        users=pd.DataFrame({"user_id": ["ada", "bob", "eve"], "events": [1, 9, 2], "tenure_days": [5, 5, 5]}),
        scores=pd.DataFrame({"task": ["all"], "score": [0.1], "label": [1]}),
        importance=pd.DataFrame({"task": ["all"], "feature": ["als_rank"], "gain": [1.0]}),
    )
    judged = evaluate(small, EvaluationParams(draws=100))
    of = judged.document["tasks"]["all"]
    own = of["systems"]["shoprec"]
    assert list(judged.document["tasks"]) == ["all"]
    assert of["users"] == 2
    assert own["recall@10"]["value"] == pytest.approx((1 / 2 + 0) / 2)
    assert own["precision@5"]["value"] == pytest.approx((1 / 5 + 0) / 2)
    assert own["mrr@10"]["value"] == pytest.approx((1 / 2 + 0) / 2)
    assert own["coverage@10"]["value"] == pytest.approx(2 / 3)
    assert of["ceilings"]["union"] == pytest.approx((1 / 2 + 1) / 2)
    assert of["ceilings"]["alone"] == pytest.approx({"als": 1 / 4, "popularity": 3 / 4})
    assert of["ceilings"]["without"] == pytest.approx({"als": 3 / 4, "popularity": 1 / 4})
    assert of["verdict"] == "nothing to compare"
    assert judged.test_lists["user_id"].tolist() == ["ada", "ada"]


def test_every_saved_file_tells_the_same_numbers(evidence: Evidence, params: EvaluationParams, tmp_path: Path) -> None:
    judged = evaluate(evidence, params)
    judged.save(tmp_path)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    document = json.loads((tmp_path / "evaluation.json").read_text())
    per_user = pd.read_parquet(tmp_path / "per_user.parquet")
    lists = pd.read_parquet(tmp_path / "test_lists.parquet")
    assert list(lists.columns) == ["task", "user_id", "item_id", "rank"]
    assert document == judged.document
    for task, of in per_user.groupby("task"):
        systems = pd.read_csv(tmp_path / "plots" / str(task) / "systems.csv").set_index("system")
        curve = pd.read_csv(tmp_path / "plots" / str(task) / "recall_by_length.csv").set_index("k")
        assert metrics[task]["ndcg@10"] == pytest.approx(of["ndcg@10"].mean(), abs=1e-6)
        assert metrics[task]["ndcg@10_low"] < metrics[task]["ndcg@10"] < metrics[task]["ndcg@10_high"]
        assert systems.loc["shoprec", "ndcg@10"] == metrics[task]["ndcg@10"]
        assert curve.loc[20, "shoprec"] == metrics[task]["recall@20"]
        assert (curve["perfect_ranker"] >= curve["shoprec"] - 1e-6).all()


def test_same_evidence_same_bytes_and_the_order_of_rows_is_irrelevant(
    evidence: Evidence, params: EvaluationParams, tmp_path: Path
) -> None:
    shuffled = replace(
        evidence,
        lists=evidence.lists.sample(frac=1, random_state=1),
        labels=evidence.labels.sample(frac=1, random_state=2),
        candidates=evidence.candidates.sample(frac=1, random_state=3),
        users=evidence.users.sample(frac=1, random_state=4),
    )
    for name, of in (("first", evidence), ("second", shuffled)):
        evaluate(of, params).save(tmp_path / name)
    for path in (tmp_path / "first").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "second" / path.relative_to(tmp_path / "first")).read_bytes(), path.name


def test_evidence_is_left_as_it_was(evidence: Evidence, params: EvaluationParams) -> None:
    before = {name: getattr(evidence, name).copy() for name in ("lists", "labels", "candidates", "items", "users")}
    evaluate(evidence, params)
    for name, frame in before.items():
        pd.testing.assert_frame_equal(getattr(evidence, name), frame)


def test_integer_and_text_ids_give_the_same_numbers(evidence_of: MakeEvidence, params: EvaluationParams) -> None:
    numbers, texts = evaluate(evidence_of(), params), evaluate(evidence_of(text_ids=True), params)
    assert numbers.metrics == texts.metrics
    assert texts.test_lists["item_id"].str.startswith("sku-").all()


def test_a_shop_of_events_alone_is_judged_without_categories_and_attributes(
    evidence_of: MakeEvidence, params: EvaluationParams
) -> None:
    of = evaluate(evidence_of(bare=True), params).document["tasks"]["all"]
    assert of["systems"]["shoprec"]["diversity@10"]["value"] is None
    assert {row["kind"] for row in of["slices"]} == {"behaviour", "item"}


def test_lists_that_break_their_contract_are_refused(evidence: Evidence, params: EvaluationParams) -> None:
    first = evidence.lists.iloc[[0]]
    with pytest.raises(BrokenCheckError, match="stands twice"):
        evaluate(replace(evidence, lists=pd.concat([evidence.lists, first.assign(rank=101)])), params)
    with pytest.raises(BrokenCheckError, match="not in the evidence's items, such as 999999"):
        evaluate(replace(evidence, lists=pd.concat([evidence.lists, first.assign(item_id=999999, rank=101)])), params)
    with pytest.raises(BrokenCheckError, match="'shoprec' has no lists"):
        evaluate(replace(evidence, lists=evidence.lists[evidence.lists["system"] == "als"]), params)
    with pytest.raises(BrokenCheckError, match="no relevant pair"):
        evaluate(replace(evidence, labels=evidence.labels.iloc[:0]), params)


def test_a_long_list_is_cut_and_a_gap_in_the_ranks_is_closed(evidence: Evidence, params: EvaluationParams) -> None:
    doubled = evidence.lists.assign(rank=evidence.lists["rank"] * 2)
    assert evaluate(replace(evidence, lists=doubled), params).metrics == evaluate(evidence, params).metrics
    short = evaluate(replace(evidence, lists=evidence.lists[evidence.lists["rank"] <= 10]), params)
    own = short.document["tasks"]["all"]["systems"]["shoprec"]
    assert np.isclose(own["precision@100"]["value"] * 10, own["precision@10"]["value"], atol=1e-5)
