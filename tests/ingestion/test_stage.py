"""The stage as DVC runs it: files in, files out, an exit code, and nothing replaced when it fails."""

import errno
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tasks.errors import BrokenCheckError, DataContractError, ParamsError, ShoprecError, TransientError
from tasks.ingestion.__main__ import main
from tasks.ingestion.landing import land
from tasks.schema import TableName
from tasks.stage import run_stage
from tests.ingestion.conftest import PROJECT

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def project(tmp_path, events, items) -> Path:
    """A folder with params, suites and landed data, in which the stage has not run."""
    params = yaml.safe_load((PROJECT / "params.yaml").read_text())
    params["shop"] = {"time_zone": "Europe/Berlin"}
    params["source"] = {"adapter": "files", "tables": {"events": {"path": "events.csv"}}}
    params["clean"] = {"exclude": {"category_1": ["FUEL"]}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    land_again(tmp_path, events, items)
    return tmp_path


def land_again(project: Path, events: pd.DataFrame, items: pd.DataFrame) -> None:
    tables: dict[TableName, pd.DataFrame] = {"events": events, "items": items}
    land(tables, project / "valid" / "profile.json", project / "raw", datetime(2024, 3, 1, tzinfo=UTC), "test")


def options(expectations: Path) -> list[str]:
    named = {"params": "params.yaml", "expectations": str(expectations)}
    named |= {name: name for name in ("raw", "valid", "quarantine", "reports")}
    return [word for name, value in named.items() for word in (f"--{name}", value)]


@pytest.fixture
def run(project, monkeypatch, capsys) -> Run:
    """Run the stage in the project's folder; its exit code and what it wrote to stderr."""
    monkeypatch.chdir(project)

    def run(expectations: Path = PROJECT / "expectations") -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["tasks.ingestion", *options(expectations)])
        with pytest.raises(SystemExit) as stopped:
            run_stage(main)
        return int(stopped.value.code or 0), capsys.readouterr().err

    return run


def contents(*folders: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()}


def test_it_writes_valid_data_a_quarantine_and_both_reports(project, events):
    command = [sys.executable, "-m", "tasks.ingestion", *options(PROJECT / "expectations")]
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    profile = json.loads((project / "valid" / "profile.json").read_text())
    kept = len(pd.read_parquet(project / "valid" / "events.parquet"))
    assert profile["raw"]["rows"]["events"] == len(events)
    assert profile["valid"]["rows"]["events"] == kept
    assert kept + len(pd.read_parquet(project / "quarantine" / "events.parquet")) == len(events)
    facts = json.loads((project / "reports" / "data_quality.json").read_text())
    assert facts["verdict"] == "accepted" and set(facts["suites"]) == {"events", "items"}
    assert (project / "reports" / "data_quality.html").exists()


def test_the_same_input_gives_the_same_bytes(project, run):
    assert run() == (0, "")
    first = contents(project / "valid", project / "quarantine", project / "reports")
    run()
    assert contents(project / "valid", project / "quarantine", project / "reports") == first


def test_it_opens_no_connection(run, monkeypatch):
    """Great Expectations would report its use to its vendor."""
    opened = []
    monkeypatch.setattr(socket.socket, "connect", lambda _, address: opened.append(address))
    assert run() == (0, "")
    assert opened == []


def test_bad_data_exits_with_2_and_leaves_the_last_good_data(project, run, events, items):
    run()
    good = contents(project / "valid", project / "quarantine", project / "reports")
    land_again(project, events.assign(event_type="teleport"), items)
    code, told = run()
    assert code == 2
    assert "events.known_event_type" in told and "data_quality.failed.html" in told
    after = contents(project / "valid", project / "quarantine", project / "reports")
    assert {path: after[path] for path in good} == good
    assert {Path(path).name for path in set(after) - set(good)} == {
        "data_quality.failed.html",
        "data_quality.failed.json",
    }

    land_again(project, events, items)
    assert run() == (0, "")
    assert not list((project / "reports").glob("*failed*"))


def test_params_that_leave_nothing_exit_with_2_and_leave_the_last_good_data(project, run):
    run()
    good = contents(project / "valid", project / "quarantine", project / "reports")
    params = yaml.safe_load((project / "params.yaml").read_text())
    params["clean"] = {"exclude": {"category_1": ["FUEL", "FOOD"]}}
    (project / "params.yaml").write_text(yaml.safe_dump(params))
    code, told = run()
    assert code == 2
    assert "none of 400 events is left" in told and "look at clean.exclude.category_1" in told
    after = contents(project / "valid", project / "quarantine", project / "reports")
    assert {path: after[path] for path in good} == good
    facts = json.loads((project / "reports" / "data_quality.failed.json").read_text())
    assert facts["verdict"] == "refused" and facts["cleaned"]["events"] == 400


def test_a_broken_check_exits_with_3(project, run, tmp_path):
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "raw_events.json").write_text('{"expectations": [{"type": "expect_x", "kwargs": {}}]}')
    code, told = run(tmp_path / "odd")
    assert code == 3 and "expect_x not found" in told
    assert not (project / "valid").exists()


def test_a_mistyped_param_exits_with_4(project, run):
    text = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(text.replace("time_zone:", "time_zoen:"))
    code, told = run()
    assert code == 4 and "shop.time_zoen" in told


def test_a_truncated_raw_file_exits_with_2_and_says_what_to_do(project, run):
    path = project / "raw" / "events.parquet"
    path.write_bytes(path.read_bytes()[:1000])
    code, told = run()
    assert code == 2 and "fetch or export it again" in told


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (DataContractError("x"), 2),
        (BrokenCheckError("x"), 3),
        (ParamsError("x"), 4),
        (TransientError("x"), 5),
        (ShoprecError("x"), 1),
        (OSError(errno.ENOSPC, "No space left on device"), 1),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_an_error_is_a_code_and_a_line_without_traceback(capsys, raised, code):
    def main() -> None:
        raise raised

    with pytest.raises(SystemExit) as stopped:
        run_stage(main)
    assert stopped.value.code == code
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_an_error_nobody_foresaw_keeps_its_traceback():
    def main() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_stage(main)
