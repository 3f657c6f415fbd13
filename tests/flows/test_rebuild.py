"""A version is made anew from its registry entry, git and DVC's remote: the same, or it is told how much it is not."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from flows.comparing import Compared, compare, compare_lists, compare_metrics
from flows.environment import differences_of_environment
from flows.production import open_registry
from flows.rebuilding import Rebuilt, commit_of, rebuild_version, remote_with_data
from flows.registered import Registered, read_registered
from flows.retrain import retrain
from flows.settings import Settings, apply_settings
from tasks.errors import ShoprecError
from tasks.ingestion.storage import read_tables, write_tables
from tasks.registry.passport import Code, Passport
from tasks.versioning import reproduce, stage_order
from tests.flows.conftest import PROJECT, change_params, real_project, toy_project
from tests.flows.test_command import SHOPREC
from tests.flows.test_verify import (
    file_in,
    git,
    gone,
    logged,
    model_of,
    passport_of,
    retagged,
    rewritten,
    without_commit,
)

pytestmark = pytest.mark.usefixtures("prefect_server")
WHAT_RUNS_MADE = ("reports", "data", "models", ".dvc/cache", "exports")
DECIDING = [
    "metrics",
    "lists of the test week, all purchases",
    "lists of the test week, new items",
    "lists that are served, all purchases",
    "lists that are served, new items",
]


def committed(root: Path) -> Path:
    for name in (".gitignore", ".dvc/.gitignore"):
        shutil.copy(PROJECT / name, root / name)
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "A shop")
    return root


def silent(_line: str) -> None:
    pass


def files_of(root: Path) -> dict[str, str]:
    """Path to digest of all that is there, git's own files and the registry among them."""
    found = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def registered_in(root: Path) -> Registered:
    settings = apply_settings(root)
    return read_registered(settings, open_registry(settings), 1)


def compared_again(root: Path, folder: Path) -> dict[str, Compared]:
    """After something was changed in `folder` by hand, and every stage that it concerns was run again."""
    for stage in stage_order(folder / "dvc.yaml"):
        reproduce(folder, stage, silent)
    shutil.rmtree(folder / "var" / "served")
    settings = apply_settings(root)
    registry = open_registry(settings)
    found = compare(read_registered(settings, registry, 1), registry, folder, silent)
    return {one.name: one for one in found}


@dataclass(frozen=True)
class Real:
    root: Path
    folder: Path
    done: subprocess.CompletedProcess[str]
    before: dict[str, str]


@pytest.fixture(scope="module")
def real(prefect_server: None, tmp_path_factory: pytest.TempPathFactory, exports: Path) -> Real:
    """The small shop with its real stages; all that its run made was deleted, but for registry and remote."""
    del prefect_server
    root = committed(real_project(tmp_path_factory.mktemp("shop"), exports))
    retrain(root=root, reason="test")
    for made in WHAT_RUNS_MADE:
        shutil.rmtree(root / made)
    folder, before = tmp_path_factory.mktemp("rebuilt"), files_of(root)
    command = [*SHOPREC, "rebuild", "1", "--into", str(folder), "--json"]
    return Real(root, folder, subprocess.run(command, cwd=root, capture_output=True, text=True, check=False), before)


def test_a_version_of_the_small_shop_is_rebuilt_to_the_last_item_of_every_list(real: Real) -> None:
    assert real.done.returncode == 0, real.done.stdout + real.done.stderr
    told = json.loads(real.done.stdout)
    assert (told["version"], told["folder"], told["same"]) == (1, str(real.folder), True)
    assert [one["name"] for one in told["comparisons"] if one["decides"]] == DECIDING
    assert [one for one in told["comparisons"] if not one["same"]] == []
    served = next(one["numbers"] for one in told["comparisons"] if one["name"] == DECIDING[3])
    assert served == {"places": 12000, "same_places": 12000, "users": 200, "differing_users": 0}


def test_every_stage_was_computed_and_what_was_done_is_told_as_it_goes(real: Real) -> None:
    said = real.done.stderr
    for stage in stage_order(real.root / "dvc.yaml"):
        assert f"Running stage '{stage}'" in said
    assert "pulling data/raw.dvc" in said


def test_the_project_is_left_as_it_was(real: Real) -> None:
    assert files_of(real.root) == real.before


def test_other_params_of_the_ranker_are_told_as_other_lists_and_metrics(real: Real) -> None:
    ranker = yaml.safe_load((real.folder / "params.yaml").read_text())["ranker"]
    slower = {task: of | {"learning_rate": 0.5, "rounds": 3} for task, of in ranker.items()}
    change_params(real.folder, real.folder / "params.yaml", ranker=slower)
    found = compared_again(real.root, real.folder)
    differing = {name for name, one in found.items() if not one.same}
    assert differing == {"stage rerank", "stage evaluate", *DECIDING}
    assert 0 < found["metrics"].numbers["largest_difference"] < 1
    for name in DECIDING[1:]:
        numbers = found[name].numbers
        assert 0 < numbers["same_places"] < numbers["places"]
        assert 0 < numbers["differing_users"] <= numbers["users"]
    assert found[DECIDING[3]].numbers["users"] == found[DECIDING[4]].numbers["users"] == 200
    assert not Rebuilt(1, real.folder, tuple(found.values())).is_same


@pytest.fixture(scope="module")
def project(
    prefect_server: None, tmp_path_factory: pytest.TempPathFactory, exports: Path, empty_database: Path
) -> Path:
    """The toy, after a run. Tests change it, and leave it as it was."""
    del prefect_server
    root = committed(toy_project(tmp_path_factory.mktemp("toy"), exports, empty_database))
    retrain(root=root, reason="test")
    return root


@pytest.fixture
def settings(project: Path) -> Settings:
    return apply_settings(project)


@pytest.fixture
def passport(project: Path) -> Passport:
    return passport_of(project)


def test_what_cannot_be_asked_is_not_the_same_and_other_data_are_told(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The toy's model gives no lists. A cache that all projects of a user share has results, and none is taken."""
    (tmp_path / "config").write_text(f"[cache]\ndir = {settings.root / '.dvc' / 'cache'}\n")
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(tmp_path))
    found = rebuild_version(settings, 1, tmp_path / "rebuilt", silent)
    outcomes = {one.name: one.same for one in found.comparisons}
    assert [name for name, same in outcomes.items() if not same] == ["lists that are served"]
    assert "could not be asked for" in found.comparisons[-1].says
    assert not found.is_same

    raw = tmp_path / "rebuilt" / "data" / "raw"
    tables = read_tables(raw)
    tables["events"] = tables["events"][tables["events"]["user_id"] != "c000"]
    write_tables(tables, raw)
    again = compared_again(settings.root, tmp_path / "rebuilt")
    assert again["what stages read"].says == "data/raw was changed"
    assert {"stage validate", "stage judge", "metrics", DECIDING[1]} <= {n for n, one in again.items() if not one.same}
    assert again[DECIDING[1]].numbers["differing_users"] == 1, "the others bought what they bought"


Tamper = Callable[[Path], AbstractContextManager[None]]
TAMPERED: dict[str, tuple[Tamper, str]] = {
    "passport": (lambda root: rewritten(logged(root, "passport.json")), "not the one that was sealed: the tag"),
    "digest": (lambda root: retagged(root, "passport_sha256"), "the tag passport_sha256 says c0ffee"),
    "passport gone": (lambda root: gone(logged(root, "passport.json")), "has no passport"),
    "params": (lambda root: rewritten(logged(root, "recipe/params.yaml")), "recipe/params.yaml was changed"),
    "lock gone": (lambda root: gone(logged(root, "recipe/dvc.lock")), "recipe/dvc.lock is gone"),
    "model": (lambda root: rewritten(model_of(root) / "python_env.yaml"), "python_env.yaml was changed"),
    "lists": (lambda root: rewritten(logged(root, "evaluation/test_lists.parquet")), "test_lists.parquet was changed"),
    "commit": (without_commit, "git does not have"),
    "data": (lambda root: gone(file_in(root / "var" / "dvc-remote", root)), "is not there"),
    "other data": (lambda root: rewritten(file_in(root / "var" / "dvc-remote", root)), "has MD5"),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_what_is_not_as_it_was_registered_is_refused_before_anything_is_written(
    settings: Settings, tmp_path: Path, what: str
) -> None:
    """DVC's cache still has the data: the remote alone counts."""
    tamper, words = TAMPERED[what]
    with tamper(settings.root), pytest.raises(ShoprecError, match=words):
        rebuild_version(settings, 1, tmp_path / "rebuilt", silent)
    assert not (tmp_path / "rebuilt").exists()


def test_a_folder_that_is_not_empty_or_lies_in_the_project_is_refused(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for into, words in (
        (tmp_path, "no empty folder"),
        (tmp_path / "notes.txt", "no empty folder"),
        (settings.root / "rebuilt", "lies in the project"),
    ):
        with pytest.raises(ShoprecError, match=words):
            rebuild_version(settings, 1, into, silent)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    assert not (settings.root / "rebuilt").exists()


def test_a_version_that_there_is_not_is_refused(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ShoprecError, match="version 7"):
        rebuild_version(settings, 7, tmp_path / "rebuilt", silent)


def test_uncommitted_files_that_a_stage_read_are_named_and_others_do_not_matter(
    project: Path, passport: Passport
) -> None:
    assert passport.code is not None
    commit = passport.code.commit

    def made_with(*changed: str) -> Passport:
        return passport.model_copy(update={"code": Code(commit=commit, changed=changed)})

    logged_with_it = ("params.yaml", "expectations/raw_events.json")
    assert commit_of(project, made_with("notes.txt", *logged_with_it)) == commit
    with pytest.raises(ShoprecError, match=r"never committed, .* read: judge.py; expectations/mine.json$"):
        commit_of(project, made_with("notes.txt", "judge.py", "expectations/mine.json"))


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"code": None}, "was made outside git"),
        ({"kind": "refresh", "parent": 3}, "a refresh of version 3: rebuild that one"),
    ],
)
def test_a_version_without_a_commit_of_its_own_is_refused(
    project: Path, passport: Passport, told: dict[str, Any], words: str
) -> None:
    with pytest.raises(ShoprecError, match=words):
        commit_of(project, passport.model_copy(update=told))


def test_a_project_outside_git_or_in_a_larger_repository_is_refused(passport: Passport, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    with pytest.raises(ShoprecError, match="is not in git"):
        commit_of(tmp_path / "shop", passport)
    git(tmp_path, "init", "--quiet")
    with pytest.raises(ShoprecError, match="the folder shop/ of a larger repository"):
        commit_of(tmp_path / "shop", passport)


def test_a_project_without_a_remote_is_refused(project: Path) -> None:
    config = project / ".dvc" / "config"
    with replaced(config, "[core]\nanalytics = false\n"), pytest.raises(ShoprecError, match="DVC has no remote"):
        remote_with_data(project, {})


@contextmanager
def replaced(path: Path, text: str) -> Iterator[None]:
    before = path.read_text()
    path.write_text(text)
    yield
    path.write_text(before)


def test_ctrl_c_ends_the_stage_leaves_only_the_folder_and_says_so(project: Path, tmp_path: Path) -> None:
    before, folder = files_of(project), tmp_path / "rebuilt"
    command = [*SHOPREC, "rebuild", "1", "--into", str(folder)]
    run = subprocess.Popen(command, cwd=project, env=os.environ | {"TMPDIR": str(tmp_path)}, stderr=subprocess.PIPE)
    assert run.stderr is not None
    lines = iter(run.stderr.readline, b"")
    assert any(b"Running stage 'validate'" in line for line in lines)
    run.send_signal(signal.SIGINT)
    said = b"".join(lines).decode()
    assert run.wait(timeout=60) == 130
    assert f"interrupted: {folder} holds what was made so far" in said
    assert "Traceback" not in said
    assert files_of(project) == before
    assert [path.name for path in tmp_path.iterdir()] == ["rebuilt"]


THEN = pd.DataFrame(
    [("all", 1, 1, "a"), ("all", 1, 2, "b"), ("all", 2, 1, "a"), ("all", 2, 2, "b"), ("new", 1, 1, "c")],
    columns=["task", "user_id", "rank", "item_id"],
)


def test_lists_are_the_same_in_any_order_of_rows() -> None:
    found = list(compare_lists("lists", THEN, THEN.iloc[::-1]))
    assert [(one.name, one.same) for one in found] == [("lists, all purchases", True), ("lists, new items", True)]
    assert found[0].says == "all 4 places of 2 shoppers are the same"


def test_swapped_items_are_two_places_and_one_shopper() -> None:
    now = THEN.assign(item_id=["b", "a", "a", "b", "c"])
    (found, new) = compare_lists("lists", THEN, now)
    assert found.says == "1 of 2 shoppers get another list; 2 of 4 places are the same (50.00%)"
    assert found.numbers == {"places": 4, "same_places": 2, "users": 2, "differing_users": 1}
    assert new.same


@pytest.mark.parametrize("shorter", [(0, 1), (1, 0)])
def test_a_shopper_or_a_place_too_many_or_too_few_differs(shorter: tuple[int, int]) -> None:
    """The second shopper is gone, and the last place of the first."""
    sides = [THEN, THEN[THEN["user_id"].eq(1) & ~(THEN["task"].eq("all") & THEN["rank"].eq(2))]]
    (found, new) = compare_lists("lists", *(sides[n] for n in shorter))
    assert found.numbers == {"places": 4, "same_places": 1, "users": 2, "differing_users": 2}
    assert new.same


def test_metrics_are_compared_number_by_number_and_the_largest_difference_is_named() -> None:
    then = {"all": {"ndcg@10": 0.25, "recall@20": 0.5}, "new": {"ndcg@10": None}}
    assert compare_metrics(then, then).same
    found = compare_metrics(then, {"all": {"ndcg@10": 0.25 + 1e-9, "recall@20": 0.25}, "new": {"ndcg@10": 0.1}})
    assert not found.same
    assert found.says == (
        "3 of 3 numbers differ; most all/recall_at_20: 0.25, was 0.5 (by 0.25); measured once only: new/ndcg_at_10"
    )
    assert found.numbers == {"metrics": 3, "differing": 3, "largest_difference": 0.25}


def test_packages_and_machine_that_are_other_now_are_named(passport: Passport) -> None:
    assert differences_of_environment(passport, "") == []
    other = passport.machine.model_copy(update={"processor": "Z80", "libraries": {"numpy": "1.0"}})
    lock = "pandas==2.0\nnot-for-us==1.0 ; python_version < '3.0'\nunheard-of==4.5\n"
    told = differences_of_environment(passport.model_copy(update={"machine": other}), lock)
    assert [line.partition(",")[2] for line in told] == [" was Z80", " was 1.0", " was 2.0", " was 4.5"]
    assert told[3] == "unheard-of is not installed, was 4.5"
