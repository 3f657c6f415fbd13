"""What a week more of data makes the stages do: only what is new, and to the last byte what they do from nothing."""

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from tasks.candidates.__main__ import CODE as CANDIDATES_CODE
from tasks.candidates.__main__ import main as candidates
from tasks.features.__main__ import CODE as FEATURES_CODE
from tasks.features.__main__ import main as features
from tasks.ingestion.storage import write_tables
from tasks.reranking.__main__ import CODE as RERANK_CODE
from tasks.reranking.__main__ import main as rerank
from tasks.schema import TableName
from tests.shop import FEW, PROJECT, bought_in_sections, call, furnish

Tables = dict[TableName, pd.DataFrame]
WEEK = pd.Timedelta(days=7)
SHARED = {"train-2": "train-1", "train-1": "validation", "validation": "test", "test": "serve"}
"""Fold to what it was called a week before."""
STAGES = {"features": features, "candidates": candidates}
KEPT = (*STAGES, "examples", "boosters")


def shop() -> Tables:
    """With a promotion in each week."""
    tables = bought_in_sections()
    last = tables["events"]["timestamp"].max().normalize() + pd.Timedelta(days=1)
    starts = [last - n * WEEK for n in range(6)]
    promotions = pd.DataFrame({"item_id": "sku-03", "start": starts, "end": [at + WEEK for at in starts]})
    return {**tables, "promotions": promotions.assign(kind="leaflet", reach=1.0)}


def before(tables: Tables, instant: pd.Timestamp) -> Tables:
    return {**tables, "events": tables["events"][tables["events"]["timestamp"] < instant]}


def learned(root: Path, tables: Tables) -> Path:
    """The folder with features and candidates, made over those that are there."""
    write_tables(tables, root / "data" / "valid")
    for name, main in STAGES.items():
        call(main, root, "valid", name)
    return root


def files(root: Path, name: str) -> dict[str, bytes]:
    folder = root / "data" / name
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def places(root: Path, name: str) -> dict[str, int]:
    """Fold to where its first file lies on the disk, whatever its name."""
    folders = [path for path in (root / "data" / name).iterdir() if path.is_dir()]
    return {folder.name: min(folder.iterdir()).stat().st_ino for folder in folders}


def reranked(root: Path, processes: int = 1) -> Path:
    options = "valid", "features", "candidates", "examples", "boosters", "ranker"
    call(rerank, root, *options, processes=processes)
    return root


def spans_of_a_week() -> dict[str, Any]:
    """The ranker's params, of which each train fold teaches a booster of all purchases."""
    ranker = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))["ranker"]
    return {task: of | FEW | {"span": 1} for task, of in ranker.items()}


@pytest.fixture(scope="module")
def weeks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    tables = shop()
    newest = tables["events"]["timestamp"].max().normalize() + pd.Timedelta(days=1)
    folders = [furnish(tmp_path_factory.mktemp(name), {}, ranker=spans_of_a_week()) for name in ("warm", "cold")]
    root = reranked(learned(folders[0], before(tables, newest - WEEK)))
    were = {name: places(root, name) for name in KEPT}
    reranked(learned(root, tables))
    cold = reranked(learned(folders[1], tables))
    return {"warm": root, "cold": cold, "were": were, "are": {name: places(root, name) for name in KEPT}}


@pytest.mark.parametrize("name", [*KEPT, "../models/ranker"])
def test_the_next_retrain_is_equal_to_the_last_byte_to_one_from_nothing(weeks: dict[str, Any], name: str) -> None:
    assert files(weeks["warm"], name) == files(weeks["cold"], name)


def test_only_the_newest_feature_tables_are_made(weeks: dict[str, Any]) -> None:
    were, are = weeks["were"]["features"], weeks["are"]["features"]
    assert {fold: are[fold] for fold in SHARED} == {fold: were[old] for fold, old in SHARED.items()}
    assert are["serve"] not in were.values()


def test_of_candidates_the_newest_retrievers_and_the_fold_that_is_learned_from_now_are_made(
    weeks: dict[str, Any],
) -> None:
    were, are = weeks["were"]["candidates"], weeks["are"]["candidates"]
    kept = {fold: old for fold, old in SHARED.items() if fold != "validation"}
    assert {fold: are[fold] for fold in kept} == {fold: were[old] for fold, old in kept.items()}
    assert not {are["serve"], are["validation"]} & set(were.values())


def test_of_examples_and_boosters_the_newest_are_made(weeks: dict[str, Any]) -> None:
    were, are = ({name: weeks[when][name] for name in ("examples", "boosters")} for when in ("were", "are"))
    assert are["examples"]["train-2"] == were["examples"]["train-1"]
    assert are["examples"]["train-1"] == were["examples"]["validation"]
    assert are["examples"]["validation"] not in were["examples"].values()
    assert set(are["boosters"]) == {"all-1", "all-2", "new-1"}, "of so few first purchases one learns from all weeks"
    assert are["boosters"]["all-2"] == were["boosters"]["all-1"]
    assert not {are["boosters"]["all-1"], are["boosters"]["new-1"]} & set(were["boosters"].values())


def test_boosters_that_threads_learn_side_by_side_are_the_same(weeks: dict[str, Any], tmp_path: Path) -> None:
    root = tmp_path / "shop"
    shutil.copytree(weeks["cold"], root)
    shutil.rmtree(root / "data" / "boosters")
    reranked(root, processes=2)
    assert files(root, "boosters") == files(weeks["cold"], "boosters")


def test_other_settings_of_one_task_learn_its_boosters_anew_and_of_no_other(tmp_path: Path) -> None:
    root = reranked(learned(furnish(tmp_path, {}, ranker=spans_of_a_week()), shop()))
    were, file = {name: places(root, name) for name in ("examples", "boosters")}, root / "params.yaml"
    params = yaml.safe_load(file.read_text(encoding="utf-8"))
    params["ranker"]["all"]["num_leaves"] = 9
    file.write_text(yaml.safe_dump(params), encoding="utf-8")
    reranked(root)
    assert places(root, "examples") == were["examples"]
    now = places(root, "boosters")
    assert now["new-1"] == were["boosters"]["new-1"]
    assert not {now["all-1"], now["all-2"]} & set(were["boosters"].values())
    params["ranker"]["new"]["negatives"] = 0.5
    file.write_text(yaml.safe_dump(params), encoding="utf-8")
    reranked(root)
    assert not set(places(root, "examples").values()) & set(were["examples"].values())
    assert {name for name, place in places(root, "boosters").items() if place == now[name]} == {"all-1", "all-2"}


def test_a_purchase_that_came_late_teaches_the_boosters_of_its_fold(tmp_path: Path) -> None:
    """It changes neither what was known before the fold nor who is asked about, only what was bought."""
    tables = shop()
    root = reranked(learned(furnish(tmp_path, {}, ranker=spans_of_a_week()), tables))
    were = {name: places(root, name) for name in KEPT}
    candidates = pd.read_parquet(root / "data" / "candidates" / "train-2" / "all.parquet")
    cutoff = tables["events"]["timestamp"].max().normalize() + pd.Timedelta(days=1) - 4 * WEEK
    bought = tables["events"][tables["events"]["timestamp"].between(cutoff, cutoff + WEEK, inclusive="left")]
    other = candidates.merge(bought[["user_id", "item_id"]], how="left", indicator=True).query("_merge == 'left_only'")
    late = bought[bought["user_id"] == other["user_id"].iloc[0]].head(1).assign(item_id=other["item_id"].iloc[0])
    more = pd.concat([tables["events"], late]).sort_values(["timestamp", "user_id", "item_id"], ignore_index=True)
    reranked(learned(root, {**tables, "events": more}))
    now = {name: places(root, name) for name in KEPT}
    for name in ("features", "candidates"):
        assert now[name]["train-2"] == were[name]["train-2"]
    assert now["examples"]["train-2"] not in were["examples"].values()
    assert not set(now["boosters"].values()) & set(were["boosters"].values())


def test_a_category_of_another_name_is_learned_anew(tmp_path: Path) -> None:
    """Codes of categories are places in the list of their names."""
    tables = shop()
    root = reranked(learned(furnish(tmp_path, {}, ranker=spans_of_a_week()), tables))
    were = places(root, "examples")
    items = tables["items"]
    moved = items.assign(category_1=items["category_1"].where(items["category_1"] != items["category_1"].min(), "zz"))
    reranked(learned(root, {**tables, "items": moved}))
    assert not set(places(root, "examples").values()) & set(were.values())


@pytest.mark.parametrize("name", STAGES)
def test_a_purchase_that_came_late_is_in_every_fold_after_it(tmp_path: Path, name: str) -> None:
    tables = shop()
    root = learned(furnish(tmp_path, {}), tables)
    were, events = places(root, name), tables["events"]
    cutoff = events["timestamp"].max().normalize() + pd.Timedelta(days=1) - 3 * WEEK  # of train-1
    late = events[events["timestamp"] < cutoff].tail(1).assign(item_id="sku-00", session_id="late")
    more = pd.concat([events, late]).sort_values(["timestamp", "user_id", "item_id"], ignore_index=True)
    learned(root, {**tables, "events": more})
    now = places(root, name)
    assert now["train-2"] == were["train-2"] or name == "candidates"  # its horizon holds the late purchase
    assert not {now[fold] for fold in ("train-1", "validation", "test", "serve")} & set(were.values())


def test_a_promotion_that_is_announced_later_is_in_the_fold_that_it_lies_in(tmp_path: Path) -> None:
    tables = shop()
    root = learned(furnish(tmp_path, {}), tables)
    were = places(root, "features")
    more = tables["promotions"].head(1).assign(item_id="sku-05")
    learned(root, {**tables, "promotions": pd.concat([tables["promotions"], more], ignore_index=True)})
    now = places(root, "features")
    assert now["serve"] != were["serve"]
    assert {fold: now[fold] for fold in ("train-2", "train-1", "validation")} == {
        fold: were[fold] for fold in ("train-2", "train-1", "validation")
    }


@pytest.mark.parametrize("name", STAGES)
def test_other_params_of_the_stage_make_everything_anew(tmp_path: Path, name: str) -> None:
    root = learned(furnish(tmp_path, {}), shop())
    were, file = places(root, name), root / "params.yaml"
    params = yaml.safe_load(file.read_text(encoding="utf-8"))
    params["features"]["windows_days"] = [7, 14]
    params["candidates"]["popularity"]["days"] = 14
    file.write_text(yaml.safe_dump(params), encoding="utf-8")
    call(STAGES[name], root, "valid", name)
    assert not set(places(root, name).values()) & set(were.values())


@pytest.mark.parametrize(
    ("name", "code"), [("features", FEATURES_CODE), ("candidates", CANDIDATES_CODE), ("rerank", RERANK_CODE)]
)
def test_what_is_kept_depends_on_the_code_that_its_stage_depends_on(name: str, code: tuple[str, ...]) -> None:
    deps = yaml.safe_load((PROJECT / "dvc.yaml").read_text(encoding="utf-8"))["stages"][name]["deps"]
    assert {f"tasks/{part}" for part in code} == {dep for dep in deps if dep.startswith("tasks/")}
