"""A version is made anew from its registry entry, git and DVC's remote: the same, or it is told how much it is not."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flows.lineage.checkout import commit_of, remote_with_data
from flows.lineage.environment import differences_of_environment
from flows.lineage.rebuilding import rebuild_version
from flows.lineage.registered import Registered, read_learned
from flows.production import open_registry
from flows.retrain import retrain
from flows.settings import Settings, apply_settings
from tasks.errors import ShoprecError
from tasks.ingestion.storage import read_tables, write_tables
from tasks.registry.passport import Code, Passport
from tasks.registry.passports import seal
from tests.flows.conftest import toy_project
from tests.flows.rebuilds import DECIDING, committed, compared_again, files_of, silent
from tests.flows.test_command import SHOPREC
from tests.flows.test_verify import (
    Tamper,
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


def test_a_version_without_a_commit_is_refused(project: Path, passport: Passport) -> None:
    with pytest.raises(ShoprecError, match="was made outside git"):
        commit_of(project, passport.model_copy(update={"code": None}))


@pytest.fixture
def line(project: Path, passport: Passport) -> Iterator[Callable[[int], Registered]]:
    """Version 3, a refresh of the version that it is called with; version 2 is one of version 1. Passports are all that
    there is of either. To be used once: MLflow gives no number a second time."""
    registry = open_registry(apply_settings(project))
    client, experiment = registry.client, registry.client.get_run(passport.run_id).info.experiment_id
    runs = [client.create_run(experiment).info.run_id for _ in range(2)]
    for run in runs:
        client.create_model_version("shoprec", source=f"runs:/{run}/none", run_id=run)

    def refreshed(number: int, parent: int) -> Registered:
        told = {"version": number, "kind": "refresh", "parent": parent, "run_id": runs[number - 2]}
        one = passport.model_copy(update=told)
        seal(registry, one)
        return Registered(one, {}, b"")

    refreshed(2, parent=1)
    yield lambda parent: refreshed(3, parent)
    for number, run in enumerate(runs, start=2):
        client.delete_model_version("shoprec", str(number))
        client.delete_run(run)


def test_the_ranker_of_a_refresh_of_a_refresh_is_that_of_the_version_which_learned_it(
    settings: Settings, line: Callable[[int], Registered], passport: Passport
) -> None:
    """By passports, each of which has to be as it was sealed and to name one before it."""
    registry = open_registry(settings)
    assert read_learned(settings, registry, line(2)).passport == passport
    assert read_learned(settings, registry, line(1)).passport == passport
    with pytest.raises(ShoprecError, match="version 3 names version 3 as the one that was refreshed"):
        read_learned(settings, registry, line(3))
    registry.client.set_model_version_tag("shoprec", "2", "passport_sha256", "c0ffee")
    with pytest.raises(ShoprecError, match=r"version 3 is a refresh, .* version 2 is not as it was written"):
        read_learned(settings, registry, line(2))


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
        remote_with_data(project, 1, {})


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


def test_packages_and_machine_that_are_other_now_are_named(passport: Passport) -> None:
    assert differences_of_environment(passport, "") == []
    other = passport.machine.model_copy(update={"processor": "Z80", "libraries": {"numpy": "1.0"}})
    lock = "pandas==2.0\nnot-for-us==1.0 ; python_version < '3.0'\nunheard-of==4.5\n"
    told = differences_of_environment(passport.model_copy(update={"machine": other}), lock)
    assert [line.partition(",")[2] for line in told] == [" was Z80", " was 1.0", " was 2.0", " was 4.5"]
    assert told[3] == "unheard-of is not installed, was 4.5"
