"""A version that nobody touched is what its passport says; whatever is touched is caught, and named."""

import hashlib
import json
import math
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from mlflow.artifacts import download_artifacts

from flows.cli import main
from flows.lineage.verifying import Verified, verify_version
from flows.production import open_registry, open_stages, roll_back
from flows.retrain import retrain
from flows.settings import Settings, apply_settings
from tasks.errors import ShoprecError
from tasks.registry.stages import Stages
from tests.flows.conftest import PROJECT, toy_project
from tests.flows.made import client_of, logged, passport_of

pytestmark = pytest.mark.usefixtures("prefect_server")
CHECKS = ["passport", "ledger", "tags", "model", "recipe", "verdict", "reports", "params", "metrics", "data", "commit"]


@pytest.fixture(scope="module")
def project(
    prefect_server: None, tmp_path_factory: pytest.TempPathFactory, exports: Path, empty_database: Path
) -> Path:
    """In git, after a run that was cut short between passport and move, and one that ended its work.

    Tests change it, and leave it as it was.
    """
    del prefect_server
    root = toy_project(tmp_path_factory.mktemp("verified"), exports, empty_database)
    for name in (".gitignore", ".dvc/.gitignore", "requirements.lock"):
        shutil.copy(PROJECT / name, root / name)
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "A shop")
    (root / "notes.txt").write_text("not committed")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(ShoprecError, match="cut short"):
        patch.setattr(Stages, "move", cut_short)
        retrain(root=root, reason="killed")
    retrain(root=root, reason="mended")
    return root


def git(root: Path, *arguments: str) -> str:
    named = ("-c", "user.name=Ada", "-c", "user.email=ada@shop.example")
    return subprocess.run(["git", *named, *arguments], cwd=root, check=True, capture_output=True, text=True).stdout


def cut_short(*_: object, **__: object) -> None:
    raise ShoprecError("cut short")


@pytest.fixture
def settings(project: Path) -> Settings:
    return apply_settings(project)


def model_of(root: Path) -> Path:
    return next((root / "var" / "mlartifacts").rglob("MLmodel")).parent


def test_nothing_differs_where_nothing_was_touched(settings: Settings) -> None:
    found = verify_version(settings, None)
    assert [(check.name, check.outcome) for check in found.checks] == [(name, "pass") for name in CHECKS], found
    assert found.version == 1


def test_to_load_the_model_changes_nothing(settings: Settings) -> None:
    """Though MLflow writes a note among its files then."""
    model = Path(download_artifacts("models:/shoprec/1", tracking_uri=settings.tracking_uri))
    assert (model / "registered_model_meta").exists()
    assert verify_version(settings, 1).is_as_written


def test_the_passport_says_what_the_version_came_from(project: Path) -> None:
    passport, head = passport_of(project), git(project, "rev-parse", "HEAD").strip()
    assert passport.code is not None
    assert (passport.code.commit, passport.code.changed) == (head, ("notes.txt",))
    assert passport.recipe["recipe/dvc.lock"] == hashlib.sha256((project / "dvc.lock").read_bytes()).hexdigest()
    assert {
        "recipe/params.yaml",
        "recipe/requirements.lock",
        "recipe/data/raw.dvc",
        "recipe/expectations/raw_events.json",
    } <= passport.recipe.keys()
    assert passport.outputs["data/raw"].endswith(".dir")
    assert passport.inputs.keys() == {"data/valid", "judge.py", "data/raw", "expectations"}
    assert passport.seeds["candidates.als.seed"] == passport.params["candidates"]["als"]["seed"]
    assert passport.validation.result == "accepted"
    assert [cut.name for cut in passport.folds] == ["train-2", "train-1", "validation", "test", "serve"]
    assert passport.metrics == json.loads((project / "reports" / "metrics.json").read_text())
    assert (passport.verdict.decision, passport.parent, passport.kind) == ("promote", None, "retrain")
    assert passport.machine.python == sys.version.split()[0]
    assert passport.flow_run_id is not None
    assert "MLmodel" in passport.model
    assert {path.split("/")[0] for path in passport.model if "/" in path} == {"artifacts", "code"}


def test_versions_can_be_searched_by_what_it_says(project: Path) -> None:
    raw = passport_of(project).outputs["data/raw"]
    query = f"tags.git_clean = 'false' and tags.kind = 'retrain' and tags.data_raw = '{raw}' and tags.parent = 'none'"
    found = client_of(project).search_model_versions(f"name = 'shoprec' and {query}")
    assert [version.version for version in found] == [1]


def test_outside_git_the_commit_cannot_be_looked_up_and_that_is_no_fault(settings: Settings) -> None:
    (settings.root / ".git").rename(settings.root / "git")
    try:
        found = verify_version(settings, 1)
    finally:
        (settings.root / "git").rename(settings.root / ".git")
    assert [check.name for check in found.checks if check.outcome == "not possible"] == ["commit"]
    assert found.is_as_written


Tamper = Callable[[Path], AbstractContextManager[None]]


@contextmanager
def rewritten(path: Path) -> Iterator[None]:
    """With its last byte changed; DVC's objects may not be written, so each is put in place anew."""
    before = path.read_bytes()
    _replace(path, before[:-1] + bytes([before[-1] ^ 1]))
    try:
        yield
    finally:
        _replace(path, before)


def _replace(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


@contextmanager
def added(path: Path) -> Iterator[None]:
    path.write_text("import os")
    try:
        yield
    finally:
        path.unlink()


@contextmanager
def gone(path: Path) -> Iterator[None]:
    before = path.read_bytes()
    path.unlink()
    try:
        yield
    finally:
        path.write_bytes(before)


@contextmanager
def retagged(root: Path, name: str, value: str = "c0ffee") -> Iterator[None]:
    client = client_of(root)
    before = client.get_model_version("shoprec", "1").tags[name]
    client.set_model_version_tag("shoprec", "1", name, value)
    yield
    client.set_model_version_tag("shoprec", "1", name, before)


@contextmanager
def in_table(root: Path, table: str, key: str, change: Callable[[Any], Any]) -> Iterator[None]:
    """With another value of a param or metric, in MLflow's own database: it changes no param that was logged once."""
    database, where = root / "var" / "mlflow.db", "WHERE key = ? AND run_uuid = ?"
    run_id = client_of(root).get_model_version("shoprec", "1").run_id
    with closing(sqlite3.connect(database)) as mlflows:
        (before,) = mlflows.execute(f"SELECT value FROM {table} {where}", (key, run_id)).fetchone()
        for value in (change(before), before):
            mlflows.execute(f"UPDATE {table} SET value = ? {where}", (value, key, run_id))
            mlflows.commit()
            if value != before:
                yield


@contextmanager
def measured_anew(root: Path) -> Iterator[None]:
    """A metric that was not there, as anybody may log it."""
    client = client_of(root)
    run_id = str(client.get_model_version("shoprec", "1").run_id)
    client.log_metric(run_id, "all/made_up", 1.0)
    yield
    with closing(sqlite3.connect(root / "var" / "mlflow.db")) as mlflows:
        for table in ("metrics", "latest_metrics"):
            mlflows.execute(f"DELETE FROM {table} WHERE key = 'all/made_up'")
        mlflows.commit()


@contextmanager
def told_otherwise(root: Path) -> Iterator[None]:
    """By somebody who takes away what guards the table."""
    database = root / "var" / "ledger.db"
    before = database.read_bytes()
    with closing(sqlite3.connect(database)) as ledger:
        for (name,) in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            ledger.execute(f"DROP TRIGGER {name}")
        ledger.execute("UPDATE shoprec_ledger SET why = 'because' WHERE number = 1")
        ledger.commit()
    try:
        yield
    finally:
        database.write_bytes(before)


@contextmanager
def without_commit(root: Path) -> Iterator[None]:
    """As after a history that was rewritten."""
    (root / ".git").rename(root / "git")
    git(root, "init", "--quiet")
    yield
    shutil.rmtree(root / ".git")
    (root / "git").rename(root / ".git")


def object_in(store: Path, root: Path) -> Path:
    """Of the folder data/raw: its list."""
    digest = passport_of(root).outputs["data/raw"]
    return store / "files" / "md5" / digest[:2] / digest[2:]


def file_in(store: Path, root: Path) -> Path:
    """Of one file of data/raw."""
    first = json.loads(object_in(root / ".dvc" / "cache", root).read_text())[0]["md5"]
    return store / "files" / "md5" / first[:2] / first[2:]


@contextmanager
def gone_from_both(root: Path) -> Iterator[None]:
    with gone(file_in(root / ".dvc" / "cache", root)), gone(file_in(root / "var" / "dvc-remote", root)):
        yield


NDCG = "all/ndcg_at_10"
READ_BY_PEOPLE = (
    "report.html",
    "data_quality.html",
    "evaluation/evaluation.json",
    "evaluation/metrics.json",
    "evaluation/data_quality.json",
    "evaluation/examples.json",
    "evaluation/per_user.parquet",
    "evaluation/test_lists.parquet",
    "evaluation/plots/all/recall_by_length.csv",
    "gate/verdict.md",
    "gate/review.md",
)

TAMPERED: dict[str, tuple[Tamper, str, str]] = {
    "a byte of a model file": (
        lambda root: rewritten(model_of(root) / "python_env.yaml"),
        "model",
        "python_env.yaml was changed",
    ),
    "a file added to the code": (
        lambda root: added(model_of(root) / "code" / "tasks" / "hook.py"),
        "model",
        "code/tasks/hook.py was added",
    ),
    "a model file gone": (lambda root: gone(model_of(root) / "conda.yaml"), "model", "conda.yaml is gone"),
    "lock": (lambda root: rewritten(logged(root, "recipe/dvc.lock")), "recipe", "recipe/dvc.lock was changed"),
    "params": (lambda root: rewritten(logged(root, "recipe/params.yaml")), "recipe", "recipe/params.yaml was changed"),
    "suite": (
        lambda root: rewritten(logged(root, "recipe/expectations/raw_items.json")),
        "recipe",
        "recipe/expectations/raw_items.json was changed",
    ),
    "verdict": (lambda root: rewritten(logged(root, "gate/verdict.json")), "verdict", "gate/verdict.json was changed"),
    **{
        name: (lambda root, name=name: rewritten(logged(root, name)), "reports", f"{name} was changed")
        for name in READ_BY_PEOPLE
    },
    "a page gone": (lambda root: gone(logged(root, "report.html")), "reports", "report.html is gone"),
    "a page added": (
        lambda root: added(logged(root, "gate/approved.md")),
        "reports",
        "gate/approved.md was added",
    ),
    "a param": (
        lambda root: in_table(root, "params", "promotion.mode", lambda _: "review"),
        "params",
        "promotion.mode is 'review', was 'auto'",
    ),
    "the last digit of a metric": (
        lambda root: in_table(root, "latest_metrics", NDCG, lambda value: math.nextafter(value, 1)),
        "metrics",
        f"{NDCG} is 0.7",
    ),
    "a metric added": (measured_anew, "metrics", "all/made_up is 1.0, was 'not there'"),
    "passport": (lambda root: rewritten(logged(root, "passport.json")), "passport", "the ledger says"),
    "passport gone": (lambda root: gone(logged(root, "passport.json")), "passport", "passport.json is gone"),
    "digest": (lambda root: retagged(root, "passport_sha256"), "passport", "tag passport_sha256 says c0ffee"),
    "tag": (lambda root: retagged(root, "git_commit"), "tags", "git_commit is 'c0ffee'"),
    "ledger": (told_otherwise, "ledger", "entry 1"),
    "cached list of a folder": (
        lambda root: rewritten(object_in(root / ".dvc" / "cache", root)),
        "data",
        "data/raw: ",
    ),
    "object in the remote": (
        lambda root: rewritten(file_in(root / "var" / "dvc-remote", root)),
        "data",
        "dvc-remote/files/md5",
    ),
    "object in neither": (gone_from_both, "data", "is nowhere (cache, remote local)"),
    "commit": (without_commit, "commit", "git does not have"),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_whatever_is_touched_is_caught_and_named(settings: Settings, what: str) -> None:
    tamper, check, words = TAMPERED[what]
    with tamper(settings.root):
        found = verify_version(settings, 1)
    assert failed(found).keys() == {check}
    assert words in failed(found)[check]


def test_the_passport_names_all_that_people_read_of_its_run(project: Path) -> None:
    passport = passport_of(project)
    assert passport.reports is not None
    there = logged(project, "")
    files = {str(path.relative_to(there)) for path in there.rglob("*") if path.is_file()}
    assert files == passport.reports.keys() | passport.recipe.keys() | {"passport.json", "gate/verdict.json"}
    assert set(READ_BY_PEOPLE) <= passport.reports.keys()


def test_a_passport_of_before_there_were_digests_of_reports_is_read_and_they_are_not_checked(
    settings: Settings,
) -> None:
    """The ledger has the digest of the newer one, so that alone is a fault."""
    file = logged(settings.root, "passport.json")
    newer = file.read_bytes()
    told = json.loads(newer)
    del told["reports"], told["newest"]
    older = json.dumps(told).encode()
    file.write_bytes(older)
    with retagged(settings.root, "passport_sha256", hashlib.sha256(older).hexdigest()):
        found = verify_version(settings, 1)
    file.write_bytes(newer)
    assert failed(found).keys() == {"passport"}
    impossible = {check.name: check.why for check in found.checks if check.outcome == "not possible"}
    assert impossible.keys() == {"reports", "params", "metrics"}
    assert set(impossible.values()) == {"an older shoprec sealed its passport, which says nothing of them"}


def failed(found: Verified) -> dict[str, str]:
    return {check.name: check.why for check in found.checks if check.outcome == "fail"}


def test_the_command_exits_with_1_and_says_what_differs(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["shoprec", "verify", "--json", "--root", str(project)])
    with rewritten(model_of(project) / "MLmodel"), pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["version"], told["as_written"]) == (1, False)
    assert [check["name"] for check in told["checks"] if check["outcome"] == "fail"] == ["model"]


@contextmanager
def list_gone_from_both(root: Path) -> Iterator[None]:
    with gone(object_in(root / ".dvc" / "cache", root)), gone(object_in(root / "var" / "dvc-remote", root)):
        yield


@pytest.mark.parametrize("lost", [gone_from_both, list_gone_from_both])
def test_nothing_comes_to_serve_whose_data_is_lost(project: Path, settings: Settings, lost: Tamper) -> None:
    registry, stages = open_registry(settings), open_stages(settings)
    registry.marks.drop("champion")  # so that there is something to put there
    stages.mend("a test")
    data_is_gone = pytest.raises(ShoprecError, match=r"its data is gone from cache .* and remote local .*: data/raw")
    with lost(project), data_is_gone:
        roll_back(settings, 1, "complaints", "a test")
    assert registry.marks.holder("production") is None
    assert roll_back(settings, 1, "complaints", "a test").version == 1
