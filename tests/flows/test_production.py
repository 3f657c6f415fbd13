"""The commands `history` and `rollback`, over a registry of three versions: 2 took the place of 1, and 3 is new."""

import getpass
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from flows.cli import main
from tasks.registry.ledger import Ledger
from tasks.registry.registry import Registry
from tasks.registry.stages import Stages
from tests.registry.conftest import three_versions  # noqa: F401  # a fixture

HOSTILE = "[bold]a\r\n\x1b[31mred\0\udc80 🛒\u202e"
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def root(three_versions: Path, tmp_path: Path) -> Path:  # noqa: F811
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "mlflow.db").write_bytes(three_versions.read_bytes())
    stages = stages_of(tmp_path)
    stages.move(1, "production", "the first", "retrain: weekly", {}, None)
    stages.move(2, "production", "better", "retrain: weekly", {"lift": 0.01}, 1)
    return tmp_path


def stages_of(root: Path) -> Stages:
    return Stages(
        Registry(f"sqlite:///{root / 'var' / 'mlflow.db'}"), Ledger(f"sqlite:///{root / 'var' / 'ledger.db'}")
    )


@pytest.fixture
def shoprec(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command in this process: exit code, stdout, stderr."""

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["shoprec", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        code, (out, err) = ended.value.code, capsys.readouterr()
        return code if isinstance(code, int) else 0, out, err

    return call


def test_history_shows_what_serves_since_when_and_why_and_all_changes(root: Path, shoprec: Command) -> None:
    code, out, _ = shoprec("history", "--root", root)
    assert code == 0
    assert "version 2 is in production since 20" in out
    assert "in place of version 1" in out
    assert "put there by retrain: weekly: better" in out
    lines = [line for line in out.splitlines() if "candidate → production" in line]
    assert [line.split()[0] for line in lines] == ["3", "1"], "the newest first"
    assert "4 entries, each as it was written" in out
    assert "To take back what serves: shoprec rollback --reason" in out


def test_history_for_programs_holds_everything(root: Path, shoprec: Command) -> None:
    code, out, _ = shoprec("history", "--root", root, "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["production"]["version"], found["production"]["until"]) == (2, None)
    assert [time["version"] for time in found["served"]] == [1, 2]
    assert [entry["state"] for entry in found["ledger"]] == ["begun", "done", "begun", "done"]
    assert found["ledger"][2]["change"]["evidence"] == {"lift": 0.01}
    assert (found["broken"], found["unreachable"]) == (None, None)


def test_history_can_be_cut_to_the_newest(root: Path, shoprec: Command) -> None:
    _, out, _ = shoprec("history", "--root", root, "--limit", "1")
    assert out.count("candidate → production") == 1
    assert "version 2 is in production" in out


def test_a_rollback_says_what_serves_now(root: Path, shoprec: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPREC_WHO", "the night shift")
    code, out, _ = shoprec("rollback", "--root", root, "--reason", "complaints")
    assert code == 0
    assert "version 1 is in production since" in out
    assert "in place of version 2" in out
    assert "put there by the night shift: complaints" in out
    now = stages_of(root).serving()
    assert now is not None
    assert (now.version, now.who) == (1, "the night shift")
    _, out, _ = shoprec("history", "--root", root)
    assert "To take back what serves: shoprec rollback --to N --reason" in out, "without a number it would be refused"


def test_a_rollback_for_programs(root: Path, shoprec: Command) -> None:
    code, out, _ = shoprec("rollback", "--root", root, "--to", "3", "--reason", "complaints", "--json")
    served = json.loads(out)
    assert code == 0
    assert (served["version"], served["instead_of"], served["who"]) == (3, 2, getpass.getuser())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--reason", " "], "say why shoprec version 1 is to become production"),
        (["--reason", "x", "--to", "9"], "there is no version 9 of shoprec; there is 1, 2, 3"),
        (["--reason", "x", "--to", "2"], "nothing to roll back: version 2 serves since"),
    ],
)
def test_what_is_refused_exits_with_1_and_changes_nothing(
    root: Path, shoprec: Command, arguments: list[str], told: str
) -> None:
    code, out, err = shoprec("rollback", "--root", root, *arguments)
    assert (code, out) == (1, "")
    assert told in err
    assert "Traceback" not in err
    assert len(stages_of(root).history()) == 2


def test_a_rollback_without_a_reason_is_not_understood(root: Path, shoprec: Command) -> None:
    code, _, err = shoprec("rollback", "--root", root)
    assert code == 2
    assert "--reason" in err


def test_a_ledger_that_somebody_changed_is_told_with_exit_code_1(root: Path, shoprec: Command) -> None:
    with closing(sqlite3.connect(root / "var" / "ledger.db")) as connection, connection:
        connection.execute("DROP TRIGGER shoprec_ledger_no_update")
        connection.execute("UPDATE shoprec_ledger SET who = 'nobody' WHERE number = 3")
    code, out, err = shoprec("history", "--root", root)
    assert code == 1
    assert "nobody" in out
    assert "the ledger is not as it was written, from entry 3 on" in err
    code, out, _ = shoprec("history", "--root", root, "--json")
    assert (code, json.loads(out)["broken"]["number"]) == (1, 3)


def test_a_ledger_that_lacks_what_mlflow_remembers_is_told(root: Path, shoprec: Command) -> None:
    """As where entries were cut off its end, or SHOPREC_LEDGER is not set on one machine."""
    (root / "var" / "ledger.db").unlink()
    code, _, err = shoprec("history", "--root", root)
    assert code == 1
    assert "MLflow names it as what gave version" in err
    assert "SHOPREC_LEDGER names another ledger" in err


def test_hostile_text_is_shown_and_does_nothing(root: Path, shoprec: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPREC_WHO", "[red]\x07ann")
    assert shoprec("rollback", "--root", root, "--reason", HOSTILE + "x" * 100_000)[0] == 0
    for arguments in (["history"], ["history", "--json"]):
        code, out, _ = shoprec(*arguments, "--root", root)
        assert code == 0
        assert not {"\x1b", "\r", "\0", "\x07", "\u202e"} & set(out)
        assert "[bold]a" in out
        assert "[red]" in out


def test_without_mlflow_the_ledger_says_what_served(
    root: Path, shoprec: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    code, out, _ = shoprec("history", "--root", root)
    assert code == 0
    assert "version 2 is in production since" in out
    assert "MLflow could not be asked" in out
    code, _, err = shoprec("rollback", "--root", root, "--reason", "complaints")
    assert code == 5
    assert "MLflow at http://127.0.0.1:9 could not be used" in err


def test_where_nothing_was_registered_it_says_where_to_run(tmp_path: Path, shoprec: Command) -> None:
    for command in (["history"], ["rollback", "--reason", "x"]):
        code, _, err = shoprec(*command, "--root", tmp_path)
        assert code == 1
        assert "run in the project's folder" in err
    assert not (tmp_path / "var" / "mlflow.db").exists()


def test_the_ledger_may_lie_elsewhere(root: Path, shoprec: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "var" / "ledger.db").rename(root / "elsewhere.db")
    monkeypatch.setenv("SHOPREC_LEDGER", f"sqlite:///{root / 'elsewhere.db'}")
    assert shoprec("rollback", "--root", root, "--reason", "complaints")[0] == 0
    assert not (root / "var" / "ledger.db").exists()


QUICK = """
import sys, time
import mlflow
begun = time.monotonic()
sys.argv = ["shoprec", "rollback", "--reason", "complaints", "--json"]
from flows.cli import main
try:
    main()
finally:
    print(time.monotonic() - begun, "prefect" in sys.modules, file=sys.stderr)
"""


def test_a_rollback_takes_seconds_once_mlflow_is_imported_and_no_prefect(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", QUICK], cwd=root, env=os.environ, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["version"] == 1
    seconds, prefect = done.stderr.split()[-2:]
    assert prefect == "False"
    assert float(seconds) < 20, "5 where nothing else is running"
