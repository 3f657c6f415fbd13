"""Servers that stop, databases that are locked, places that cannot be written: told with what to do, nothing is left
half done, and the next run works."""

import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import mlflow
import pytest
from sqlalchemy import Engine, event

from flows import steps
from flows.cli import main
from flows.production import roll_back
from flows.retrain import retrain
from flows.reviewing import review_versions
from flows.settings import Settings, apply_settings
from tasks.errors import ShoprecError, TransientError
from tasks.registry import standing
from tasks.registry.artifacts import attach, fetch_file
from tasks.registry.ledger import Ledger
from tasks.registry.registry import Registry
from tasks.registry.stages import Stages
from tasks.registry.versions import Version
from tasks.versioning import prepare
from tests.flows import killing
from tests.flows.conftest import toy_project
from tests.flows.mlflow_server import Server
from tests.registry.agreement import assert_all_agree
from tests.registry.conftest import three_versions  # noqa: F401  # a fixture

MOMENTS = {
    "before it is registered": "flows.steps.register",
    "while its model is logged": "tasks.registry.registry._log_model",
    "while its verdict is kept": "flows.promoting.tell_verdict",
    "while its passport is sealed": "tasks.registry.passports.seal",
    "before the alias is written": "tasks.registry.marks.Marks.point",
    "before its tags are written": "tasks.registry.marks.Marks.tell",
}
"""Of a run: the function before whose first call a fault begins."""
UNDECIDED, DECIDED = list(MOMENTS)[:5], "before its tags are written"
Fault = tuple[Callable[[], object], Callable[[], object]]
"""What begins it, and what ends it."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, exports: Path, empty_database: Path) -> Path:
    """A project whose stages have run, before its data was pushed."""
    root = toy_project(tmp_path_factory.mktemp("trained"), exports, empty_database)
    prepare(root)
    killing.train(root)
    return root


@pytest.fixture
def project(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy; MLflow's look at every package that is installed is left out."""
    shutil.copytree(trained, tmp_path / "project")
    monkeypatch.setattr("tasks.registry.registry.serving_requirements", lambda: ["pandas"])
    return tmp_path / "project"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Who finds a database locked waits for a moment only."""

    def shorten(*of_statement: Any) -> tuple[str, Any]:
        return of_statement[2].replace("busy_timeout = 20000", "busy_timeout = 100"), of_statement[3]

    monkeypatch.setattr("tasks.registry.ledger_table.BUSY_S", 0.1)
    event.listen(Engine, "before_cursor_execute", shorten, retval=True)
    yield
    event.remove(Engine, "before_cursor_execute", shorten)


def begins_at(monkeypatch: pytest.MonkeyPatch, function: str, begin: Callable[[], object]) -> None:
    """Just before the function is called for the first time."""
    known, begun = resolve_name(function), list[None]()

    def called(*args: Any, **named: Any) -> Any:
        if not begun:
            begun.append(None)
            begin()
        return known(*args, **named)

    monkeypatch.setattr(function, called)


class Lock:
    """On a SQLite file, as another program takes it that writes for long."""

    def __init__(self, database: Path) -> None:
        self._connection = sqlite3.connect(database, isolation_level=None)

    def take(self) -> None:
        self._connection.execute("BEGIN EXCLUSIVE")

    def give_back(self) -> None:
        self._connection.execute("ROLLBACK")
        self._connection.close()


class Obstacle:
    """A file where a folder should be: nothing can be read or written there, not by root either."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._aside = folder, folder.with_name(f"{folder.name}.aside")

    def put(self) -> None:
        if self.folder.exists():
            self.folder.rename(self._aside)
        self.folder.write_text("in the way")

    def take_away(self) -> None:
        self.folder.unlink()
        if self._aside.exists():
            self._aside.rename(self.folder)


def finish(root: Path) -> Version:
    """From what was trained to the version's stage, as the last steps of a retrain."""
    return killing.finish(apply_settings(root))


def state(settings: Settings) -> tuple[list[int], dict[str, int], bool]:
    """The versions, the aliases, and whether a change was begun and not ended."""
    marks, ledger = registry_of(settings).marks, Ledger(settings.ledger)
    return sorted(marks.versions()), marks.aliases(), standing.cut_short(ledger.entries()) is not None


def registry_of(settings: Settings) -> Registry:
    return Registry(settings.tracking_uri, settings.artifacts)


def assert_the_next_run_mends(root: Path) -> None:
    version, settings = finish(root), apply_settings(root)
    registry = registry_of(settings)
    assert (version.number, version.stage) == (1, "production")
    assert_all_agree(registry, Ledger(settings.ledger))
    assert state(settings) == ([1], {"champion": 1}, False)
    experiment = registry.client.get_experiment_by_name("shoprec")
    assert experiment is not None
    ended = [run.info.status for run in registry.client.search_runs([experiment.experiment_id])]
    assert ended.count("FINISHED") == 1
    assert "RUNNING" not in ended
    assert killing.digest_of(registry, 1), "no file of it is missing"
    assert [entry.change.version for entry in Ledger(settings.ledger).entries() if entry.state == "begun"][-1] == 1


def assert_nothing_half_done(settings: Settings, moment: str) -> None:
    """What serves is nothing, or the whole version; and what was begun is known as such."""
    versions, aliases, cut = state(settings)
    assert versions in ([], [1])
    assert aliases == ({"champion": 1} if moment == DECIDED else {})
    assert cut == (moment in ("before the alias is written", DECIDED))


@pytest.fixture
def server(mlflow_server: Server, project: Path) -> Server:
    """Whose runs keep their files in the project: to send them through the server takes long, and is no fault."""
    place = (project / "var" / "mlartifacts").as_uri()
    mlflow.MlflowClient(f"sqlite:///{mlflow_server.database}").create_experiment("shoprec", artifact_location=place)
    return mlflow_server


@pytest.mark.parametrize("moment", [moment for moment in MOMENTS if moment != "before it is registered"])
def test_a_server_that_stops_during_a_run_is_told_and_the_next_run_mends(
    project: Path, server: Server, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    settings = apply_settings(project)
    with monkeypatch.context() as patch, pytest.raises(TransientError) as stopped:
        begins_at(patch, MOMENTS[moment], server.line.cut)
        finish(project)
    assert f"MLflow at {server.uri} could not be used" in str(stopped.value)
    assert "see that it runs" in str(stopped.value)
    assert "run again" in str(stopped.value)
    server.line.mend()
    assert_nothing_half_done(settings, moment)
    assert_the_next_run_mends(project)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("moment", ["while its model is logged", "before the alias is written", DECIDED])
def test_a_database_that_is_locked_during_a_run_is_told_and_the_next_run_mends(
    project: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], moment: str
) -> None:
    settings, lock = apply_settings(project), Lock(project / "var" / "mlflow.db")
    with monkeypatch.context() as patch, pytest.raises(TransientError) as stopped:
        begins_at(patch, MOMENTS[moment], lock.take)
        finish(project)
    assert f"the database of MLflow at {settings.tracking_uri} could not be used: database is locked" in str(
        stopped.value
    )
    assert "SELECT" not in str(stopped.value)
    assert "Traceback" not in capfd.readouterr().err
    lock.give_back()
    assert_nothing_half_done(settings, moment)
    assert_the_next_run_mends(project)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("moment", ["before it is registered", "while its passport is sealed", DECIDED])
def test_a_ledger_that_is_locked_during_a_run_is_told_and_the_next_run_mends(
    project: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    settings, lock = apply_settings(project), Lock(project / "var" / "ledger.db")
    with monkeypatch.context() as patch, pytest.raises(TransientError, match="the ledger at .* could not be used"):
        begins_at(patch, MOMENTS[moment], lock.take)
        finish(project)
    lock.give_back()
    assert_nothing_half_done(settings, moment)
    assert_the_next_run_mends(project)


@pytest.mark.parametrize("moment", UNDECIDED[:4])
def test_an_artifact_store_that_cannot_be_written_stops_the_run_at_once(
    project: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    settings = apply_settings(project)
    blocked = Obstacle(project / "var" / "mlartifacts")
    with monkeypatch.context() as patch, pytest.raises(ShoprecError) as stopped:
        begins_at(patch, MOMENTS[moment], blocked.put)
        finish(project)
    assert not isinstance(stopped.value, TransientError), "nobody mends a disk by waiting"
    assert "a file of MLflow" in str(stopped.value)
    assert str(blocked.folder) in str(stopped.value)
    assert "mounted, writable and not full" in str(stopped.value)
    blocked.take_away()
    assert_nothing_half_done(settings, moment)
    assert_the_next_run_mends(project)


def test_an_artifact_store_that_a_server_cannot_write_may_come_back(mlflow_server: Server, tmp_path: Path) -> None:
    registry, blocked = Registry(mlflow_server.uri), Obstacle(mlflow_server.artifacts)
    experiment = registry.client.get_experiment_by_name("shoprec")
    assert experiment is not None
    run, file = registry.client.create_run(experiment.experiment_id).info.run_id, tmp_path / "verdict.json"
    file.write_text("{}")
    blocked.put()
    with pytest.raises(TransientError, match=f"MLflow at {mlflow_server.uri} could not .*can write its files"):
        attach(registry, run, {"gate": [file]})
    blocked.take_away()
    attach(registry, run, {"gate": [file]})
    assert fetch_file(registry, run, "gate/verdict.json", tmp_path / "var").read_text() == "{}"


@pytest.fixture
def two_served(
    three_versions: Path,  # noqa: F811
    tmp_path: Path,
    impatient: None,
    mlflow_server: Server,
    request: pytest.FixtureRequest,
) -> Iterator[tuple[Settings, Fault]]:
    """Version 2 took the place of 1, and 3 was judged against it and is approved; and a fault of what keeps them."""
    del impatient
    root, kind = tmp_path / "reviewed", request.param
    (root / "var").mkdir(parents=True)
    (root / "var" / "mlflow.db").write_bytes(three_versions.read_bytes())
    mlflow_server.hold(three_versions)
    lock = Lock(root / "var" / ("ledger.db" if kind == "ledger" else "mlflow.db"))
    faults: dict[str, Fault] = {
        "server": (mlflow_server.line.cut, mlflow_server.line.mend),
        "database": (lock.take, lock.give_back),
        "ledger": (lock.take, lock.give_back),
    }
    with pytest.MonkeyPatch.context() as patch:
        if kind != "server":
            patch.delenv("MLFLOW_TRACKING_URI")
        settings = apply_settings(root)
        registry = registry_of(settings)
        stages = Stages(registry, Ledger(settings.ledger))
        stages.move(1, "production", "the first", "a retrain", {}, None)
        stages.move(2, "production", "better", "a retrain", {}, 1)
        stages.move(3, "staging", "it gained", "a retrain", {"decision": "promote", "judged_against": 2}, 2)
        registry.client.set_model_version_tag("shoprec", "3", "review", "approved")
        yield settings, faults[kind]


KEPT_BY = pytest.mark.parametrize("two_served", ["server", "database", "ledger"], indirect=True)


@KEPT_BY
@pytest.mark.parametrize("moment", ["before the alias is written", DECIDED])
def test_a_rollback_that_is_cut_short_is_told_and_the_same_call_ends_it(
    two_served: tuple[Settings, Fault],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    moment: str,
) -> None:
    settings, (begin, end) = two_served
    with monkeypatch.context() as patch:
        begins_at(patch, MOMENTS[moment], begin)
        code, told = command(patch, capsys, "rollback", "--root", str(settings.root), "--reason", "complaints")
    assert code == 5
    assert "could not be used" in told
    assert "run again" in told
    assert "Traceback" not in told
    end()
    assert state(settings)[1].get("champion") in (1, 2)
    assert command(monkeypatch, capsys, "rollback", "--root", str(settings.root), "--reason", "complaints")[0] == 0
    registry, ledger = registry_of(settings), Ledger(settings.ledger)
    assert registry.marks.holder("production") == 1
    assert_all_agree(registry, ledger)
    assert [time.version for time in Stages(registry, ledger).history()] == [1, 2, 1], "rolled back once"


@pytest.mark.parametrize("two_served", ["server", "database"], indirect=True)
def test_a_rollback_that_was_made_is_told_though_mlflow_is_away_by_then(
    two_served: tuple[Settings, Fault], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, (begin, end) = two_served
    with monkeypatch.context() as patch:
        begins_at(patch, "tasks.registry.standing.served", begin)
        served = roll_back(settings, None, "complaints", "ann")
    end()
    assert (served.version, served.instead_of, served.why) == (1, 2, "complaints")


@KEPT_BY
@pytest.mark.parametrize("moment", ["before the alias is written", DECIDED])
def test_a_review_that_is_cut_short_is_told_and_the_next_look_ends_it(
    two_served: tuple[Settings, Fault], monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    settings, (begin, end) = two_served
    with monkeypatch.context() as patch, pytest.raises(TransientError, match="could not be used"):
        begins_at(patch, MOMENTS[moment], begin)
        review_versions(settings)
    end()
    assert state(settings)[1]["champion"] in (2, 3)
    assert_the_next_look_approves(settings)


@pytest.mark.parametrize("two_served", ["server", "database"], indirect=True)
def test_an_approval_that_could_not_be_answered_is_answered_by_the_next_look(
    two_served: tuple[Settings, Fault], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, (begin, end) = two_served
    with monkeypatch.context() as patch, pytest.raises(TransientError, match="could not be used"):
        begins_at(patch, "tasks.registry.reviews.answer", begin)
        review_versions(settings)
    end()
    assert state(settings) == ([1, 2, 3], {"champion": 3, "previous": 2}, False)
    assert_the_next_look_approves(settings)


def assert_the_next_look_approves(settings: Settings) -> None:
    review_versions(settings)
    registry, ledger = registry_of(settings), Ledger(settings.ledger)
    assert registry.marks.aliases() == {"champion": 3, "previous": 2}
    assert registry.client.get_model_version("shoprec", "3").tags["review_answer"] == "approved: it serves now"
    assert_all_agree(registry, ledger)
    assert [time.version for time in Stages(registry, ledger).history()] == [1, 2, 3], "approved once"


def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Exit code and stderr."""
    monkeypatch.setattr(sys, "argv", ["shoprec", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    code, told = ended.value.code, capsys.readouterr().err
    return code if isinstance(code, int) else 0, told


@pytest.mark.usefixtures("prefect_server")
def test_a_flow_tries_again_and_ends_well_where_the_server_comes_back(
    project: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    register, tries = steps.register, list[None]()

    def away_at_first(*given: Any) -> Any:
        tries.append(None)
        (server.line.cut if len(tries) == 1 else server.line.mend)()
        return register(*given)

    monkeypatch.setattr("flows.retrain.WAITS_S", [0.01, 0.01])
    monkeypatch.setattr(steps, "register", away_at_first)
    outcome = retrain(root=project)
    assert (outcome.version.number, outcome.version.stage, len(tries)) == (1, "production", 2)


@pytest.mark.usefixtures("prefect_server")
def test_a_flow_whose_remote_cannot_be_made_stops_before_anything_is_registered(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.retrain.WAITS_S", [0.01])
    settings, remote = apply_settings(project), Obstacle(project / "var" / "dvc-remote")
    remote.put()
    with pytest.raises(TransientError) as stopped:
        retrain(root=project)
    remote.take_away()
    assert f"could not be pushed to DVC's remote 'local' at {remote.folder}, so nothing was promoted" in str(
        stopped.value
    )
    assert "run again" in str(stopped.value)
    assert state(settings) == ([], {}, False)
    outcome = retrain(root=project)
    assert outcome.version.stage == "production"
    assert all(run.skipped for run in outcome.runs)
    assert not killing.not_in_remote(project)


def test_a_server_that_was_killed_is_told_and_one_that_was_started_anew_is_used(project: Path, server: Server) -> None:
    server.stop()
    with pytest.raises(TransientError, match=f"MLflow at {server.uri} could not be used"):
        finish(project)
    server.start()
    assert_nothing_half_done(apply_settings(project), "before it is registered")
    assert_the_next_run_mends(project)
