"""Features, predictions, quality, and the page over all looks."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.evaluation.asked import who_is_asked
from tasks.folds import Fold, labels
from tasks.monitoring.features import LARGEST, MEAN, Tables, distances, look_at_features
from tasks.monitoring.found import Found
from tasks.monitoring.look import Look, digest_of, in_words, rows_of
from tasks.monitoring.page import render_page
from tasks.monitoring.predictions import CATEGORIES, POPULARITY, look_at_predictions
from tasks.monitoring.quality import judge_quality, look_at_quality
from tasks.params.evaluation import EvaluationParams, Shares
from tasks.params.monitoring import MonitoringParams, PredictionParams
from tests.monitoring.shops import END, KNOWN, SHOP, WEEK, behaviour, shop

PARAMS = MonitoringParams()


def tables(folder: Path, seed: int, shift: float = 0.0, missing: float = 0.0) -> Path:
    rng = np.random.default_rng(seed)
    folder.mkdir()
    table = pd.DataFrame({"user_id": np.arange(3000), "steady": rng.normal(size=3000), "moving": rng.normal(size=3000)})
    table["moving"] += shift
    table.loc[rng.random(3000) < missing, "moving"] = np.nan
    table.astype({"steady": "float32", "moving": "float32"}).to_parquet(folder / "user.parquet")
    return folder


@pytest.mark.parametrize(("change", "least"), [({"shift": 1.0}, 0.3), ({"missing": 0.5}, 0.45)])
def test_a_feature_that_moved_or_went_missing_is_seen_and_named(
    tmp_path: Path, change: dict[str, float], least: float
) -> None:
    made = [tables(tmp_path / str(n), n) for n in range(8)]
    now = distances(Tables(tables(tmp_path / "now", 9, **change), made[0]))
    past = [distances(Tables(a, b)) for a, b in zip(made, made[1:], strict=False)]
    found = {of.measure: of for of in look_at_features(now, past, {"steady": 1, "moving": 1}, PARAMS)}
    assert found[LARGEST].status == "breach"
    assert found[LARGEST].says.startswith("moving ")
    assert (found[LARGEST].value or 0) > least
    assert found[MEAN].status == "breach"
    unused = {of.measure: of.status for of in look_at_features(now, past, {"steady": 1}, PARAMS)}
    assert unused == {MEAN: "within", LARGEST: "within"}


def lists(items: list[int], users: int = 200) -> pd.DataFrame:
    rows = [(user, item, rank) for user in range(users) for rank, item in enumerate(items, start=1)]
    return pd.DataFrame(rows, columns=["user_id", "item_id", "rank"]).assign(task="all")


def test_other_recommendations_are_seen_in_their_categories_and_their_popularity() -> None:
    seen = behaviour(0)
    known = {side: seen.between(KNOWN - 4 * WEEK, KNOWN) for side in ("now", "before")}
    usual, rare = lists([0, 1, 2, 3, 4]), lists([54, 49, 44, 39, 34])

    def statuses(now: pd.DataFrame) -> dict[str, str]:
        return {of.measure: of.status for of in look_at_predictions(now, usual, seen, known, PredictionParams())}

    assert statuses(usual) == {CATEGORIES: "within", POPULARITY: "within"}
    assert statuses(rare) == {CATEGORIES: "breach", POPULARITY: "breach"}


def test_the_realised_metric_is_that_of_the_lists_with_its_interval() -> None:
    """Lists of what was bought score 1; lists of what nobody bought score 0."""
    valid, fold = shop(0), Fold("test", KNOWN, WEEK)
    asked = who_is_asked(valid.events, fold, SHOP, most=None, seed=7)
    bought = labels(valid.events, fold, SHOP, "all")
    right = bought.assign(task="all", rank=bought.groupby("user_id").cumcount() + 1)
    promised = {"all": {"ndcg@10": 0.9, "ndcg@10_low": 0.88, "ndcg@10_high": 0.92}}
    for given, value, status in ((right, 1.0, "within"), (right.assign(item_id=119), 0.0, "breach")):
        given = given.drop_duplicates(["user_id", "item_id"])
        margin, drawn = Shares(all=0.2, new=0.5), EvaluationParams()
        (found,) = look_at_quality(given, valid, fold, asked, "ndcg@10", promised, margin, drawn)
        assert (found.value, found.status) == (value, status)
        assert found.says.endswith("promised 0.9000 (0.8800 to 0.9200)")


def test_quality_is_a_breach_where_all_of_the_interval_is_below_what_is_left_of_the_promise() -> None:
    assert judge_quality("m", 0.70, 0.62, 0.79, 1.0, 0.2, "").status == "breach"
    assert judge_quality("m", 0.70, 0.60, 0.80, 1.0, 0.2, "").status == "within"


def a_look(week: int, value: float) -> Look:
    status = "breach" if value > 0.1 else "within"
    found = Found("price", "data", "median 3, before 2, <b>&", status, value, 0.1, 0.05)
    silent = Found("event mix", "data", "nothing", "not judged")
    quality = judge_quality("NDCG@10 on all purchases", 0.3, 0.28, 0.32, 0.31, 0.2, "")
    start = KNOWN + timedelta(weeks=week)
    return Look(7, 5, KNOWN, start, start + WEEK, (quality, found, silent))


def test_the_page_holds_every_look_loads_nothing_and_escapes_what_data_says() -> None:
    page = render_page([a_look(0, 0.04), a_look(1, 0.3)])
    assert "<h1>Alarm: price<small>ALARM for version 7" in page
    assert page.count("<b>2</b> looks") == 1
    assert "with the ranker of version <b>5</b>" in page
    assert "before 2, <b>&" not in page
    assert "https://" not in page.replace("https://www.w3.org", "")


def test_a_look_in_words_and_rows() -> None:
    assert in_words(a_look(0, 0.04)) == (
        "No alarm for version 7 in the week from 2024-04-15 to 2024-04-22: 2 measures are within what is usual,"
        " 1 could not be judged."
    )
    assert [row["bound"] for row in rows_of(a_look(0, 0.04))] == ["0.2480", "0.1000", "–"]


def test_other_data_another_ranker_and_other_params_are_another_look() -> None:
    digests = {
        digest_of(5, "aa", PARAMS),
        digest_of(6, "aa", PARAMS),
        digest_of(5, "ab", PARAMS),
        digest_of(5, "aa", PARAMS.model_copy(update={"times": 5.0})),
    }
    assert len(digests) == 4
    assert digest_of(5, "aa", MonitoringParams()) in digests
    assert replace(a_look(0, 0.04)).end == END
