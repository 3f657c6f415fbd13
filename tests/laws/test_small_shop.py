"""The five stages, as DVC runs them, on small shops: how good, how equal, and what is said where it cannot work."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from tasks.errors import DataContractError
from tasks.ingestion.canonical import canonical
from tasks.ingestion.landing import land
from tasks.schema import TableName
from tests.shop import PROJECT, bought_in_sections, furnish, judge, learn, validate

STAGES: dict[str, Any] = yaml.safe_load((PROJECT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
QUICK: dict[str, Any] = {"folds": {"train": 1}, "evaluation": {"draws": 100}}
AS_OF = datetime(2024, 4, 1, tzinfo=UTC)
FLOOR = 0.65
"""NDCG@10 on task all; 0.70 was measured when this was written."""
Tables = Mapping[TableName, pd.DataFrame]


def landed(root: Path, tables: Tables, **changed: Any) -> Path:
    """A project that has fetched `tables`, and has run nothing."""
    furnish(root, {}, source={"as_of": AS_OF.isoformat()}, clean={"exclude": {}}, **changed)
    (root / "expectations").symlink_to(PROJECT / "expectations")
    land(canonical(tables), root / "data" / "valid" / "profile.json", root / "data" / "raw", AS_OF, "test")
    return root


def start(root: Path, stage: str) -> subprocess.Popen[str]:
    words = STAGES[stage]["cmd"].split()
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    return subprocess.Popen(
        [sys.executable, *words[1:]],
        cwd=root,
        env=environment,
        text=True,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def run(root: Path, stage: str) -> tuple[int, str]:
    """Exit code and what was said on stderr."""
    process = start(root, stage)
    said = process.communicate()[1]
    return process.returncode, said


def run_all(root: Path) -> Path:
    for stage in STAGES:
        code, said = run(root, stage)
        assert code == 0, f"{stage}: {said}"
    return root


def ndcg(root: Path, task: str) -> dict[str, float]:
    found = json.loads((root / "reports" / "evaluation.json").read_text())["tasks"][task]["systems"]
    return {system: metrics["ndcg@10"]["value"] for system, metrics in found.items()}


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The same shop from scratch twice: as processes with two folds at a time, and in this one, fold after fold."""
    roots = [landed(tmp_path_factory.mktemp("shop"), bought_in_sections(), **QUICK) for _ in range(2)]
    return [run_all(roots[0]), judge(learn(validate(roots[1])))]


def test_the_recommender_beats_popularity_and_keeps_its_floor(two_runs: list[Path]) -> None:
    found = ndcg(two_runs[0], "all")
    assert found["shoprec"] > FLOOR
    assert found["shoprec"] > found["popularity"]
    new = ndcg(two_runs[0], "new")
    assert new["shoprec"] > new["popularity"]


@pytest.mark.parametrize("name", ["test_lists.parquet", "per_user.parquet", "metrics.json", "examples.json"])
def test_two_runs_from_scratch_are_equal_to_the_last_byte(two_runs: list[Path], name: str) -> None:
    once, again = ((root / "reports" / name).read_bytes() for root in two_runs)
    assert once == again


@pytest.mark.parametrize(
    "folder", ["data/valid", "data/features", "data/candidates", "data/examples", "data/boosters", "models/ranker"]
)
def test_what_lies_between_is_equal_as_well(two_runs: list[Path], folder: str) -> None:
    once, again = (
        {str(path.relative_to(root)): path.read_bytes() for path in (root / folder).rglob("*") if path.is_file()}
        for root in two_runs
    )
    assert once == again
    assert len(once) > 1


def test_a_sample_of_shoppers_is_judged_as_all_are(two_runs: list[Path], tmp_path: Path) -> None:
    """The same lists for those who were drawn, so that only the means, and how sure they are, differ."""
    whole = two_runs[0]
    root = furnish(tmp_path, {}, **QUICK | {"evaluation": QUICK["evaluation"] | {"most_users": 30}})
    for folder in ("data", "models"):
        shutil.copytree(whole / folder, root / folder, dirs_exist_ok=True)
    assert run(root, "evaluate")[0] == 0
    document = json.loads((root / "reports" / "evaluation.json").read_text())
    every = json.loads((whole / "reports" / "evaluation.json").read_text())
    for task, of in document["tasks"].items():
        assert (of["users"], of["drawn_from"]) == (30, every["tasks"][task]["users"])
    for name in ("per_user.parquet", "test_lists.parquet"):
        drawn, all_of_them = (pd.read_parquet(at / "reports" / name) for at in (root, whole))
        theirs = all_of_them.merge(drawn[["task", "user_id"]].drop_duplicates(), on=["task", "user_id"])
        pd.testing.assert_frame_equal(drawn, theirs)


def test_a_stage_leaves_nothing_behind_but_its_outs(two_runs: list[Path]) -> None:
    assert {path.name for path in (two_runs[0] / "data").iterdir()} == {
        "raw", "valid", "quarantine", "features", "candidates", "examples", "boosters",
    }  # fmt: skip


def only_events(events: pd.DataFrame) -> Tables:
    """Neither items nor users, sessions, quantities or values."""
    return {"events": events[["user_id", "item_id", "event_type", "timestamp"]]}


def test_events_alone_of_one_type_with_text_ids_suffice(tmp_path: Path) -> None:
    events = bought_in_sections(seed=8)["events"]
    root = judge(learn(validate(landed(tmp_path, only_events(events), **QUICK))))
    found = ndcg(root, "all")
    assert found["shoprec"] > max(FLOOR, found["popularity"])


def test_a_shop_of_five_items_gets_lists_of_five(tmp_path: Path) -> None:
    """Of which each shopper has had some, so that something new is left for most."""
    rng = np.random.default_rng(2)
    bought = [(user, int(rng.integers(5)), week) for user in range(150) for week in range(5) if rng.random() < 0.6]
    events = pd.DataFrame(bought, columns=["user_id", "item_id", "week"])
    at = pd.Timestamp("2024-03-31T12:00", tz="UTC") - pd.to_timedelta(7 * events["week"], unit="D")
    given = events.assign(event_type="purchase", timestamp=at.dt.as_unit("us"))
    root = judge(learn(validate(landed(tmp_path, only_events(given), **QUICK))))
    lists = pd.read_parquet(root / "reports" / "test_lists.parquet")
    assert (lists.query("task == 'all'").groupby("user_id").size() == 5).all()
    assert lists.query("task == 'new'").groupby("user_id").size().between(1, 4).all()


def test_a_shop_of_one_week_is_told_what_is_missing_and_what_to_do(tmp_path: Path) -> None:
    tables = bought_in_sections()
    events = tables["events"]
    tables["events"] = events[events["timestamp"] >= pd.Timestamp("2024-03-25", tz="UTC")]
    code, said = run(furnish(tmp_path, tables), "features")
    assert (code, said) == (
        2,
        "fold 'train-2' has no 'purchase' events before its cutoff 2024-03-04: they cover 2024-03-25 to 2024-03-31;"
        " lower folds.train or folds.horizon_days, or ingest more days\n",
    )


def test_a_shop_without_purchases_is_told_that_the_target_event_is_missing(tmp_path: Path) -> None:
    views = bought_in_sections()["events"].assign(event_type="view")
    with pytest.raises(DataContractError) as error:
        validate(landed(tmp_path, {"events": views}))
    assert "events.target_event_occurs" in str(error.value)
    assert "source.tables.events.event_types, or set shop.target_event" in str(error.value)


def test_a_stage_killed_in_the_middle_does_as_well_the_next_time(two_runs: list[Path], tmp_path: Path) -> None:
    """Killed, so that it cannot tidy up, when its first table is there."""
    whole, root = two_runs[0], furnish(tmp_path, {}, **QUICK)
    shutil.copytree(whole / "data" / "valid", root / "data" / "valid", dirs_exist_ok=True)
    process = start(root, "features")
    while process.poll() is None and not list((root / "data" / "features").rglob("*.parquet")):
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert run(root, "features")[0] == 0
    for path in (whole / "data" / "features").rglob("*.parquet"):
        assert (root / path.relative_to(whole)).read_bytes() == path.read_bytes()
