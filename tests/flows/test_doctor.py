"""What `shoprec doctor` finds: nothing where all is well, and whatever is broken by name, with what to do."""

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import mlflow
import psutil
import pytest

from flows.cli import main
from flows.doctor import CHECKS, Finding, examine
from flows.doctor import data as remotes
from flows.doctor.findings import guarded
from flows.doctor.mlflow_server import mlflow as examine_mlflow
from flows.settings import apply_settings, read_settings
from tasks.registry import registry as serving_code
from tasks.registry.entries import Change
from tasks.registry.ledger import Ledger
from tasks.versioning import prepare
from tests.flows import killing
from tests.flows.conftest import PROJECT, toy_project
from tests.flows.mlflow_server import Server, free_port
from tests.flows.test_retrain import HOLD
from tests.flows.test_verify import client_of, git, told_otherwise
from tests.waiting import wait_for_text

ALL = [
    *("python", "packages", "cores", "memory", "disk", "write access", "telemetry"),
    *("git", "params", "suites", "pipeline", "retrain", "leftovers"),
    *("remote local", "prefect", "mlflow", "artifacts", "champion", "ledger", "runs"),
]
OF_THE_MACHINE = ("cores", "memory", "disk")
"""Which may be small, or busy."""
Harm = Callable[[Path], AbstractContextManager[object]]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, exports: Path, empty_database: Path) -> Path:
    """In git, with a version that serves. Tests change it, and leave it as it was."""
    root = toy_project(tmp_path_factory.mktemp("examined"), exports, empty_database)
    for name in (".gitignore", ".dvc/.gitignore", "requirements.lock"):
        shutil.copy(PROJECT / name, root / name)
    git(root, "init", "--quiet")
    prepare(root)
    killing.train(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serving_code, "serving_requirements", lambda: ["pandas"])
        killing.finish(apply_settings(root))
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "A shop")
    return root


def found_by(check: str, root: Path) -> list[Finding]:
    return guarded(check, (CHECKS | {"mlflow": examine_mlflow})[check], read_settings(root))


def contents(root: Path) -> dict[str, bytes]:
    """Of every file but git's own; folders are empty."""
    below = (path for path in root.rglob("*") if ".git" not in path.parts)
    return {str(path.relative_to(root)): path.read_bytes() if path.is_file() else b"" for path in below}


def test_where_all_is_well_nothing_is_to_do_and_nothing_was_touched(project: Path) -> None:
    before = contents(project)
    found = examine(read_settings(project))
    assert [one.name for one in found.findings] == ALL
    assert {one.name: one for one in found.findings if one.outcome != "ok" and one.name not in OF_THE_MACHINE} == {}
    assert contents(project) == before


def test_before_the_first_run_there_is_less_to_look_at_and_nothing_is_made(tmp_path: Path, exports: Path) -> None:
    root = toy_project(tmp_path, exports)
    shutil.copy(PROJECT / "requirements.lock", root / "requirements.lock")
    before = contents(root)
    found = examine(read_settings(root))
    outcomes = {one.name: one.outcome for one in found.findings}
    assert [name for name, outcome in outcomes.items() if outcome == "not possible"] == [
        "mlflow",
        "champion",
        "ledger",
        "runs",
    ]
    assert outcomes["git"] == "warn"
    assert "fail" not in {outcome for name, outcome in outcomes.items() if name not in OF_THE_MACHINE}
    assert contents(root) == before


@contextmanager
def rewritten(path: Path, old: str, new: str) -> Iterator[None]:
    before = path.read_text()
    assert old in before
    path.write_text(before.replace(old, new))
    try:
        yield
    finally:
        path.write_text(before)


@contextmanager
def replaced(path: Path, text: str) -> Iterator[None]:
    """By a file, whatever stood there."""
    with gone(path):
        path.write_text(text)
        try:
            yield
        finally:
            path.unlink()


@contextmanager
def gone(path: Path) -> Iterator[None]:
    aside = path.with_name(f"{path.name}.aside")
    path.rename(aside)
    try:
        yield
    finally:
        aside.rename(path)


@contextmanager
def added(path: Path) -> Iterator[None]:
    path.mkdir()
    yield
    path.rmdir()


@contextmanager
def locked(database: Path) -> Iterator[None]:
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def without_champion(root: Path) -> Iterator[None]:
    client = client_of(root)
    client.delete_registered_model_alias("shoprec", "champion")
    yield
    client.set_registered_model_alias("shoprec", "champion", "1")


@contextmanager
def run_that_never_ended(root: Path) -> Iterator[None]:
    client = client_of(root)
    experiment = client.get_experiment_by_name("shoprec")
    assert experiment is not None
    run = client.create_run(experiment.experiment_id)
    yield
    client.set_terminated(run.info.run_id, "KILLED")


@contextmanager
def ledger_cut_short(root: Path) -> Iterator[None]:
    file = root / "var" / "ledger.db"
    before = file.read_bytes()
    Ledger(f"sqlite:///{file}").append("begun", Change("rollback", 1, "archived", "production", "ann", "x"))
    yield
    file.write_bytes(before)


@contextmanager
def environment(name: str, value: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(name, value)
        yield


@contextmanager
def killed_in_a_retrain(root: Path) -> Iterator[None]:
    note = root / "var" / "retrain.json"
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    note.write_text(json.dumps({"pid": ended.pid, "since": "2026-01-01T00:00:00+00:00", "reason": "weekly"}))
    yield
    note.unlink()


def model_file(root: Path) -> Path:
    return next((root / "var" / "mlartifacts").rglob("python_env.yaml")).with_name("served_model.py")


BROKEN: dict[str, tuple[Harm, str, str, str]] = {
    "a package of another version": (
        lambda root: rewritten(root / "requirements.lock", "pandas==3.1.1", "pandas==3.1.0"),
        *("packages", "fail", "pandas 3.1.1, not ==3.1.0"),
    ),
    "a package that is not installed": (
        lambda root: rewritten(root / "requirements.lock", "pandas==3.1.1", "no-such-package==1.0"),
        *("packages", "fail", "no-such-package is not installed"),
    ),
    "no lock": (lambda root: gone(root / "requirements.lock"), "packages", "fail", "requirements.lock does not exist"),
    "a file for var": (lambda root: replaced(root / "var", ""), "write access", "fail", "var: Not a directory"),
    "telemetry turned on": (
        lambda _: environment("PREFECT_SERVER_ANALYTICS_ENABLED", "true"),
        *("telemetry", "warn", "PREFECT_SERVER_ANALYTICS_ENABLED=true"),
    ),
    "not committed": (lambda root: rewritten(root / "judge.py", "import", "import "), "git", "warn", "judge.py"),
    "not in git": (lambda root: gone(root / ".git"), "git", "warn", "in no repository"),
    "a mistyped param": (
        lambda root: rewritten(root / "params.yaml", "horizon_days", "horizon"),
        *("params", "fail", "folds.horizon"),
    ),
    "no params": (lambda root: gone(root / "params.yaml"), "params", "fail", "params.yaml does not exist"),
    "a suite that is no JSON": (
        lambda root: replaced(root / "expectations" / "raw_items.json", "{"),
        *("suites", "fail", "raw_items.json is no JSON"),
    ),
    "no pipeline": (lambda root: gone(root / "dvc.yaml"), "pipeline", "fail", "dvc.yaml does not exist"),
    "a lock after a merge": (
        lambda root: replaced(root / "dvc.lock", "<<<<<<< HEAD\na: {\n"),
        *("pipeline", "fail", "take one side"),
    ),
    "a stage that was changed": (
        lambda root: rewritten(root / "dvc.yaml", "python judge.py", "python -O judge.py"),
        *("pipeline", "warn", "another command, deps or outs of judge"),
    ),
    "what a kill left": (lambda root: added(root / "var" / "duel-abc"), "leftovers", "warn", "var/duel-abc"),
    "the note of a killed retrain": (killed_in_a_retrain, "leftovers", "warn", "killed in a retrain begun 2026-01-01"),
    "a file for the remote": (
        lambda root: replaced(root / "var" / "dvc-remote", ""),
        *("remotes", "fail", "dvc-remote: Not a directory"),
    ),
    "no default remote": (
        lambda root: rewritten(root / ".dvc" / "config", "remote = local", ""),
        *("remotes", "fail", "names none"),
    ),
    "another default remote": (
        lambda root: rewritten(root / ".dvc" / "config", "remote = local", "remote = s3"),
        *("remotes", "fail", "names 's3', which is not configured"),
    ),
    "MLflow's database held": (lambda root: locked(root / "var" / "mlflow.db"), "mlflow", "fail", "database is locked"),
    "no database of MLflow": (
        lambda root: replaced(root / "var" / "mlflow.db", "text, and more of it, to be longer than a header" * 50),
        *("mlflow", "fail", "file is not a database"),
    ),
    "another program's database": (
        lambda root: environment("MLFLOW_TRACKING_URI", f"sqlite:///{root / 'var' / 'ledger.db'}"),
        *("mlflow", "fail", "it has no table experiments"),
    ),
    "no MLflow": (
        lambda _: environment("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}"),
        *("mlflow", "fail", "could not be used"),
    ),
    "no kind of address": (
        lambda _: environment("MLFLOW_TRACKING_URI", "nonsense://x"),
        "mlflow",
        "fail",
        "MLFLOW_TRACKING_URI has to be",
    ),
    "a file for the artifacts": (
        lambda root: replaced(root / "var" / "mlartifacts", ""),
        *("artifacts", "fail", "mlartifacts: Not a directory"),
    ),
    "a file of the champion": (lambda root: gone(model_file(root)), "champion", "fail", "served_model.py is missing"),
    "no champion": (without_champion, "champion", "warn", "nothing serves"),
    "a ledger that was changed": (told_otherwise, "ledger", "fail", "from entry 1 on"),
    "a change cut short": (ledger_cut_short, "ledger", "warn", "entry 3 was begun and not ended"),
    "no ledger": (lambda root: gone(root / "var" / "ledger.db"), "ledger", "fail", "MLflow names entries of it"),
    "the ledger held": (lambda root: locked(root / "var" / "ledger.db"), "ledger", "fail", "database is locked"),
    "a run that was killed": (run_that_never_ended, "runs", "warn", "1 in MLflow that never ended"),
    "no kind of ledger": (
        lambda _: environment("SHOPREC_LEDGER", "mysql://a:b@c/d"),
        "ledger",
        "fail",
        "no ledger can be kept",
    ),
    "no Prefect": (
        lambda _: environment("PREFECT_API_URL", f"http://127.0.0.1:{free_port()}/api"),
        *("prefect", "fail", "refused"),
    ),
}
CHECK_OF = {"artifacts": "mlflow", "champion": "mlflow", "ledger": "mlflow", "runs": "mlflow"}
"""The function that gives the line, where it has another name."""


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_broken_is_named_with_what_to_do(project: Path, what: str) -> None:
    harm, name, outcome, words = BROKEN[what]
    with harm(project):
        found = found_by(CHECK_OF.get(name, name), project)
    (line,) = [
        one for one in found if one.outcome not in ("ok", "not possible") and one.name.startswith(name.rstrip("s"))
    ]
    assert line.outcome == outcome
    assert words in line.found
    assert line.mend
    assert "a:b@" not in line.found
    assert not [one for one in found_by(CHECK_OF.get(name, name), project) if one.outcome != "ok"], "it was mended"


def test_every_fault_is_told_however_many_there_are(project: Path) -> None:
    with (
        rewritten(project / "params.yaml", "horizon_days", "horizon"),
        replaced(project / "var" / "mlflow.db", "nonsense" * 1000),
        replaced(project / "var" / "dvc-remote", ""),
        gone(project / "dvc.yaml"),
        gone(project / ".dvc" / "config"),
    ):
        found = examine(read_settings(project))
    failed = [one.name for one in found.findings if one.outcome == "fail"]
    assert failed == ["params", "pipeline", "remotes", "mlflow"]
    assert not found.is_fit
    assert {one.name for one in found.findings} == set(ALL) - {"remote local"} | {"remotes"}


def test_a_small_machine_is_told_what_a_run_takes(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def little(_path: object) -> object:
        return shutil._ntuple_diskusage(10 * 2**30, 9 * 2**30, 2**30)  # pyright: ignore

    monkeypatch.setattr(shutil, "disk_usage", little)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"available": 2**28}))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0})
    lines = {name: found_by(name, project)[0] for name in ("cores", "memory", "disk")}
    assert {name: line.outcome for name, line in lines.items()} == {"cores": "warn", "memory": "fail", "disk": "warn"}
    assert "0.2 GiB" in lines["memory"].found
    assert "SHOPREC_PROCESSES=1" in lines["memory"].mend
    assert "1.0 GiB" in lines["disk"].found


def test_another_python_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.doctor.machine.WANTED", (3, 10))
    (line,) = found_by("python", project)
    assert (line.outcome, line.mend) == ("fail", "rm -rf .venv; make setup PYTHON=/path/to/python3.10")


def test_a_retrain_at_work_is_told_and_no_fault(project: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(project / "var"), str(tmp_path / "held")]
    other = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        wait_for_text(tmp_path / "held")
        (line,) = found_by("retrain", project)
    finally:
        other.communicate()
    assert line.outcome == "ok"
    assert f"process {other.pid} is at work since" in line.found
    assert "by another" in line.found
    assert found_by("retrain", project)[0].found == "none is at work"


@contextmanager
def second_remote(root: Path, url: str) -> Iterator[None]:
    config = root / ".dvc" / "config"
    with rewritten(config, "['remote \"local\"']", f"['remote \"away\"']\n    url = {url}\n['remote \"local\"']"):
        yield


def test_a_remote_that_is_no_folder_is_asked_by_dvc(project: Path) -> None:
    """It is not the one that is pushed to, so to lose it stops nothing."""
    with second_remote(project, f"http://127.0.0.1:{free_port()}/data"):
        away, local = found_by("remotes", project)
    assert (away.name, away.outcome, local.outcome) == ("remote away", "warn", "ok")
    assert "http://127.0.0.1" in away.found


def test_a_remote_that_does_not_answer_is_not_waited_for(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remotes, "LIMIT_S", 4.0)
    begun = time.monotonic()
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        second_remote(project, f"http://127.0.0.1:{silent.getsockname()[1]}/data"),
    ):
        away, _ = found_by("remotes", project)
    assert "no answer in 4 s" in away.found
    assert time.monotonic() - begun < 30


def test_an_mlflow_server_is_asked_and_its_artifacts_are_tried(
    mlflow_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "served"
    (root / "var").mkdir(parents=True)
    assert [one.outcome for one in found_by("mlflow", root)] == ["ok", *["not possible"] * 4]
    mlflow.MlflowClient(mlflow_server.uri).create_experiment("shoprec")
    lines = {one.name: one for one in found_by("mlflow", root)}
    assert lines["mlflow"].found.endswith(f"answers, version {mlflow.__version__}; here is {mlflow.__version__}")
    assert (lines["artifacts"].outcome, lines["champion"].outcome) == ("ok", "not possible")
    assert [path for path in mlflow_server.artifacts.rglob("*") if path.is_file()] == [], "the probe was taken away"
    monkeypatch.setattr("flows.doctor.mlflow_server.version", lambda _package: "2.0.0")
    assert found_by("mlflow", root)[0].outcome == "warn"
    with replaced(mlflow_server.artifacts, ""):
        lines = {one.name: one for one in found_by("mlflow", root)}
    assert lines["artifacts"].outcome == "fail"
    assert "could not be used" in lines["artifacts"].found


def test_a_web_server_that_is_no_mlflow_is_told(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    (tmp_path / "version").write_text("<html>")
    other = subprocess.Popen(
        [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"],
        cwd=tmp_path,
        stderr=subprocess.DEVNULL,
    )
    try:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{port}/api")
        end = time.monotonic() + 20
        while "could not be used" in (line := found_by("mlflow", project)[0]).found and time.monotonic() < end:
            time.sleep(0.1)
        assert "is no MLflow server" in line.found
        assert "404" in found_by("prefect", project)[0].found
    finally:
        other.kill()
        other.wait()


@pytest.mark.usefixtures("prefect_server")
def test_a_prefect_server_is_asked_for_its_version(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.settings import PREFECT_API_URL

    monkeypatch.setenv("PREFECT_API_URL", str(PREFECT_API_URL.value()))
    assert found_by("prefect", project)[0].outcome == "ok"
    monkeypatch.setattr("flows.doctor.prefect_server.version", lambda _package: "2.0.0")
    assert found_by("prefect", project)[0].outcome == "warn"


def test_the_command_shows_a_line_a_check_and_exits_by_what_it_found(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out = command(project, monkeypatch, capsys)
    assert code == 0, out
    assert "fit for a run" in out
    assert [line.split()[0] for line in out.splitlines() if "version 1, all of its files" in line] == ["ok"]
    with rewritten(project / "params.yaml", "horizon_days", "[red]horizon\x1b"):
        code, out = command(project, monkeypatch, capsys)
        assert code == 1
        assert "to be mended before a run: params" in out
        assert "\x1b" not in out
        code, out = command(project, monkeypatch, capsys, "--json")
    told = json.loads(out)
    assert (code, told["fit"]) == (1, False)
    assert [one["name"] for one in told["checks"]] == ALL
    assert [one["name"] for one in told["checks"] if one["outcome"] == "fail"] == ["params"]


def command(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["shoprec", "doctor", "--root", str(root), *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    code = ended.value.code
    return code if isinstance(code, int) else 0, capsys.readouterr().out


def test_it_speaks_to_nobody_but_who_is_configured(project: Path, tmp_path: Path) -> None:
    """In a process in which whoever reaches beyond this machine is written down."""
    log = tmp_path / "connections.log"
    guard = str(Path(__file__).parent / "localhost_only")
    env = {**os.environ, "PYTHONPATH": f"{guard}{os.pathsep}{PROJECT}", "CONNECTIONS_LOG": str(log)}
    code = "from flows.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "doctor"], cwd=project, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not log.exists(), log.read_text()
