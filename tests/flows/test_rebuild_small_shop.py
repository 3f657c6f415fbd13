"""A retrained version and its refresh, made anew with the real stages: the same to the last item of every list."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from flows.lineage.comparing import Compared, compare_ranker, compare_refreshed
from flows.lineage.rebuilding import Rebuilt, folder_of, rebuild_version
from flows.settings import apply_settings
from flows.steps import RANKER
from tasks.errors import ShoprecError
from tasks.ingestion.storage import read_tables, write_tables
from tasks.versioning import reproduce, stage_order
from tests.flows.conftest import change_params, real_project
from tests.flows.made import logged, passport_of
from tests.flows.rebuilds import DECIDING, SERVED, committed, compared, compared_again, files_of, registered_in, silent
from tests.flows.test_command import SHOPREC
from tests.flows.test_refresh import retrained_and_refreshed
from tests.flows.test_verify import Tamper, gone, rewritten

pytestmark = pytest.mark.usefixtures("prefect_server")
WHAT_RUNS_MADE = ("reports", "data", "models", ".dvc/cache", "exports")


@dataclass(frozen=True)
class Real:
    root: Path
    folder: Path
    done: subprocess.CompletedProcess[str]
    before: dict[str, str]


@pytest.fixture(scope="module")
def real(prefect_server: None, tmp_path_factory: pytest.TempPathFactory, exports: Path) -> Real:
    """The small shop with its real stages, whose first version was refreshed, and the rebuild of that refresh.

    All that its runs made was deleted, but for registry and remote.
    """
    del prefect_server
    root = committed(real_project(tmp_path_factory.mktemp("shop"), exports))
    retrained_and_refreshed(root)
    for made in WHAT_RUNS_MADE:
        shutil.rmtree(root / made)
    folder, before = tmp_path_factory.mktemp("rebuilt"), files_of(root)
    command = [*SHOPREC, "rebuild", "2", "--into", str(folder), "--json"]
    return Real(root, folder, subprocess.run(command, cwd=root, capture_output=True, text=True, check=False), before)


def refresh_compared(root: Path, into: Path) -> dict[str, Compared]:
    learned, validated = folder_of(into, 1), folder_of(into, 2)
    shutil.rmtree(validated / "var" / "served")
    (of_ranker, registry), (registered, _) = registered_in(root), registered_in(root, 2)
    found = compare_refreshed(registered, of_ranker, registry, learned, validated, silent)
    return {one.name: one for one in found}


def test_a_refresh_of_the_small_shop_is_rebuilt_to_the_last_item_of_every_list(real: Real) -> None:
    """With the version that learned its ranker, whose lines come first."""
    assert real.done.returncode == 0, real.done.stdout + real.done.stderr
    told = json.loads(real.done.stdout)
    assert (told["version"], told["folder"], told["same"]) == (2, str(real.folder), True)
    of_ranker = [f"version 1: {name}" for name in DECIDING if name not in SERVED]
    assert [one["name"] for one in told["comparisons"] if one["decides"]] == [*of_ranker, *SERVED]
    assert [one for one in told["comparisons"] if not one["same"]] == []
    names = [one["name"] for one in told["comparisons"]]
    assert names[-6:] == ["environment", "what stages read", "stage validate", "ranker", *SERVED]
    served = next(one["numbers"] for one in told["comparisons"] if one["name"] == SERVED[0])
    assert served == {"places": 12000, "same_places": 12000, "users": 200, "differing_users": 0}


def test_the_version_that_was_refreshed_is_rebuilt_as_well(real: Real) -> None:
    found = compared(real.root, folder_of(real.folder, 1))
    assert [name for name, one in found.items() if one.decides] == DECIDING
    assert [name for name, one in found.items() if not one.same] == []
    assert found[SERVED[0]].numbers == {"places": 12000, "same_places": 12000, "users": 200, "differing_users": 0}


def test_every_stage_was_computed_and_what_was_done_is_told_as_it_goes(real: Real) -> None:
    """Of the refresh the validation alone."""
    said = real.done.stderr
    ran = {stage: said.count(f"Running stage '{stage}'") for stage in stage_order(real.root / "dvc.yaml")}
    assert ran == {"validate": 2, "features": 1, "candidates": 1, "rerank": 1, "evaluate": 1}
    assert said.count("pulling data/raw.dvc") == 2


def test_the_project_is_left_as_it_was(real: Real) -> None:
    assert files_of(real.root) == real.before


def events_in_remote(root: Path, number: int) -> Path:
    """Of the raw data that this version alone was made from."""
    objects = root / "var" / "dvc-remote" / "files" / "md5"
    digest = passport_of(root, number).outputs["data/raw"]
    files = json.loads((objects / digest[:2] / digest[2:]).read_text())
    (events,) = (file["md5"] for file in files if file["relpath"] == "events.parquet")
    return objects / events[:2] / events[2:]


TAMPERED: dict[str, tuple[Tamper, str]] = {
    "its data": (
        lambda root: gone(events_in_remote(root, 2)),
        "the data of version 2: data/raw/events.parquet: .* not there",
    ),
    "data of its ranker": (
        lambda root: gone(events_in_remote(root, 1)),
        "the data of version 1: data/raw/events.parquet: .* not there",
    ),
    "recipe": (
        lambda root: rewritten(logged(root, "recipe/expectations/raw_events.json", 2)),
        "of version 2 is not what its passport says, .*raw_events.json was changed",
    ),
    "passport of its ranker": (
        lambda root: rewritten(logged(root, "passport.json", 1)),
        "version 2 is a refresh, .* that cannot be read: .* version 1 is not as it was written",
    ),
    "lists of its ranker": (
        lambda root: rewritten(logged(root, "evaluation/test_lists.parquet", 1)),
        "version 2 is a refresh, .* version 1 is not what its passport says, .* test_lists.parquet was changed",
    ),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_a_refresh_of_which_something_is_missing_is_refused_before_anything_is_written(
    real: Real, tmp_path: Path, what: str
) -> None:
    tamper, words = TAMPERED[what]
    with tamper(real.root), pytest.raises(ShoprecError, match=words):
        rebuild_version(apply_settings(real.root), 2, tmp_path / "rebuilt", silent)
    assert not (tmp_path / "rebuilt").exists()


def test_other_data_of_a_refresh_are_told_as_other_lists(real: Real) -> None:
    """Of a shopper who never bought anything, as far as the refresh knows."""
    validated = folder_of(real.folder, 2)
    raw = validated / "data" / "raw"
    tables = read_tables(raw)
    tables["events"] = tables["events"][tables["events"]["user_id"] != "c000"]
    write_tables(tables, raw)
    reproduce(validated, "validate", silent)
    found = refresh_compared(real.root, real.folder)
    assert {name for name, one in found.items() if not one.same} == {"what stages read", "stage validate", *SERVED}
    assert 0 < found[SERVED[0]].numbers["same_places"] < found[SERVED[0]].numbers["places"]
    assert not Rebuilt(2, real.folder, tuple(found.values())).is_same


def test_other_params_of_the_ranker_are_told_as_other_lists_and_metrics(real: Real) -> None:
    """And that is not the ranker of the refresh."""
    folder = folder_of(real.folder, 1)
    ranker = yaml.safe_load((folder / "params.yaml").read_text())["ranker"]
    slower = {task: of | {"learning_rate": 0.5, "rounds": 3} for task, of in ranker.items()}
    change_params(folder, folder / "params.yaml", ranker=slower)
    found = compared_again(real.root, folder)
    differing = {name for name, one in found.items() if not one.same}
    assert differing == {"stage rerank", "stage evaluate", *DECIDING}
    assert 0 < found["metrics"].numbers["largest_difference"] < 1
    for name in DECIDING[1:]:
        numbers = found[name].numbers
        assert 0 < numbers["same_places"] < numbers["places"]
        assert 0 < numbers["differing_users"] <= numbers["users"]
    assert found[DECIDING[3]].numbers["users"] == found[DECIDING[4]].numbers["users"] == 200
    assert not Rebuilt(1, folder, tuple(found.values())).is_same

    of_refresh = compare_ranker(passport_of(real.root, 2), folder / RANKER)
    assert not of_refresh.same
    assert "learned.json" not in of_refresh.says, "it learned from the same weeks"
