"""A version rebuilt as of a day is the one that its stages made for that day; what came later changes nothing."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from tasks.folds import Fold, make_folds
from tasks.ingestion.storage import write_tables
from tasks.ingestion.valid import Valid
from tasks.kept_folds import digest_of_folder
from tasks.params import load_params
from tasks.recommender import bundle
from tests.shop import PROJECT, bought_in_sections, furnish, judge, learn


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return judge(learn(furnish(tmp_path_factory.mktemp("shop"), bought_in_sections(), folds={"train": 1})))


@pytest.fixture(scope="module")
def fold(root: Path) -> Fold:
    params = load_params(root / "params.yaml")
    folds = make_folds(Valid.read(root / "data" / "valid").events, params.folds, params.shop)
    return next(fold for fold in folds if fold.kind == "test")


def call(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tasks.recommender", *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def rebuilt(root: Path, fold: Fold, valid: Path, out: Path) -> Path:
    done = call(
        "rebuild", "--params", root / "params.yaml", "--valid", valid, "--ranker", root / "models" / "ranker",
        "--cutoff", fold.cutoff.isoformat(), "--end", fold.end.isoformat(), "--out", out,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out


def asked(bundle: Path, users: pd.Series, folder: Path) -> pd.DataFrame:
    pd.DataFrame({"user_id": users.unique()}).to_parquet(folder / "users.parquet")
    done = call(
        "recommend", "--bundle", bundle, "--users", folder / "users.parquet", "--k", 100,
        "--out", folder / "lists.parquet", "--latency", folder / "latency.json", "--requests", 20,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return pd.read_parquet(folder / "lists.parquet")


def test_as_of_the_test_fold_it_gives_the_very_lists_that_were_judged(root: Path, fold: Fold, tmp_path: Path) -> None:
    judged = pd.read_parquet(root / "reports" / "test_lists.parquet")
    found = asked(rebuilt(root, fold, root / "data" / "valid", tmp_path / "bundle"), judged["user_id"], tmp_path)
    same = found.merge(judged, on=["task", "user_id", "item_id", "rank"])
    assert len(same) == len(judged)
    times = json.loads((tmp_path / "latency.json").read_text())
    assert times["requests"] == 15
    assert 0 < times["p50"] <= times["p95"] <= times["p99"]


def test_it_is_to_the_last_byte_what_the_stages_made(root: Path, fold: Fold, tmp_path: Path) -> None:
    """So a duel may take theirs where a champion's code and params are those of the stages."""
    params, data = load_params(root / "params.yaml"), root / "data"
    features, retrieval = data / "features" / fold.name, data / "candidates" / fold.name
    items = Valid.read(data / "valid").items
    bundle(
        root / "models" / "ranker", features, retrieval, items, params.candidates, params.diversity, tmp_path / "made"
    )
    again = rebuilt(root, fold, data / "valid", tmp_path / "again")
    assert digest_of_folder(again) == digest_of_folder(tmp_path / "made")


def test_several_at_once_are_what_each_is_alone(root: Path, fold: Fold, tmp_path: Path) -> None:
    before = replace(fold, cutoff=fold.cutoff - fold.horizon)
    ends = [
        ("--cutoff", of.cutoff.isoformat(), "--end", of.end.isoformat(), "--out", tmp_path / name)
        for name, of in (("newer", fold), ("older", before))
    ]
    files = (
        "--params",
        root / "params.yaml",
        "--valid",
        root / "data" / "valid",
        "--ranker",
        root / "models" / "ranker",
    )
    done = call("rebuild", *files, *ends[0], *ends[1])
    assert done.returncode == 0, done.stderr
    for name, of in (("newer", fold), ("older", before)):
        alone = rebuilt(root, of, root / "data" / "valid", tmp_path / f"{name}-alone")
        assert digest_of_folder(tmp_path / name) == digest_of_folder(alone)
    assert digest_of_folder(tmp_path / "newer") != digest_of_folder(tmp_path / "older")


def test_it_sees_nothing_from_the_cutoff_on(root: Path, fold: Fold, tmp_path: Path) -> None:
    """With all that comes later taken out of the data, the lists are the same."""
    tables = {path.stem: pd.read_parquet(path) for path in (root / "data" / "valid").glob("*.parquet")}
    tables["events"] = tables["events"][tables["events"]["timestamp"] < fold.cutoff]
    (tmp_path / "past").mkdir()
    write_tables(tables, tmp_path / "past")  # pyright: ignore[reportArgumentType]  # named by their files
    users = tables["events"]["user_id"]
    lists = []
    for name, valid in (("whole", root / "data" / "valid"), ("past", tmp_path / "past")):
        (tmp_path / name).mkdir(exist_ok=True)
        lists.append(asked(rebuilt(root, fold, valid, tmp_path / name / "bundle"), users, tmp_path / name))
    pd.testing.assert_frame_equal(*lists)


def test_data_that_its_code_cannot_read_is_an_error_in_words(root: Path, fold: Fold, tmp_path: Path) -> None:
    (tmp_path / "events.parquet").write_bytes(b"cut off")
    done = call(
        "rebuild", "--params", root / "params.yaml", "--valid", tmp_path, "--ranker", root / "models" / "ranker",
        "--cutoff", fold.cutoff.isoformat(), "--end", fold.end.isoformat(), "--out", tmp_path / "bundle",
    )  # fmt: skip
    assert done.returncode == 2
    assert "events.parquet is no readable Parquet file" in done.stderr
    assert not (tmp_path / "bundle").exists()
