"""The `shoprec` command as people and machines call it: a process of its own, no server running, faults and all."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import psutil
import pytest

from tests.flows.conftest import change_params
from tests.flows.mlflow_server import free_port
from tests.waiting import wait_for_text, wait_until_gone

GUARD = Path(__file__).parent / "localhost_only"
BESIDE = """
  beside:
    cmd: python beside.py
    deps: [data/valid, beside.py]
    outs: [data/beside]
"""
LINGERS = """
import os, time
from pathlib import Path

Path("lingering").write_text(str(os.getpid()))
while Path("hang").exists():
    time.sleep(0.1)
Path("data/beside").write_text("made")
"""
FAILS = """
import sys

sys.exit(print("no good", file=sys.stderr) or 2)
"""
SHOPREC = [sys.executable, "-c", "from flows.cli import main; main()"]


@pytest.fixture
def guarded(tmp_path: Path) -> dict[str, str]:
    """Every Python process of the run refuses to reach beyond this machine, and writes down who tried."""
    return {**os.environ, "PYTHONPATH": str(GUARD), "CONNECTIONS_LOG": str(tmp_path / "connections.log")}


@pytest.fixture
def none_left_behind(toy: Path) -> Iterator[None]:
    """Prefect's temporary server outlives a flow that was killed; those of other tests are left alone."""
    yield
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("PREFECT_HOME", "").startswith(str(toy)):
                process.kill()


def shoprec(root: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*SHOPREC, "run"], cwd=root, env=env, capture_output=True, text=True, check=False)


def test_the_guard_sees_what_reaches_out(guarded: dict[str, str]) -> None:
    """So that the silence of the next test means something."""
    code = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)"
    done = subprocess.run([sys.executable, "-c", code], env=guarded, capture_output=True, text=True, check=False)
    assert "192.0.2.1 is beyond this machine" in done.stderr
    assert "192.0.2.1" in Path(guarded["CONNECTIONS_LOG"]).read_text()


def test_the_job_ends_with_a_summary_and_opens_no_connection_beyond_localhost(
    toy: Path, guarded: dict[str, str]
) -> None:
    done = shoprec(toy, guarded)
    assert done.returncode == 0, done.stderr
    assert not Path(guarded["CONNECTIONS_LOG"]).exists(), Path(guarded["CONNECTIONS_LOG"]).read_text()
    assert "shoprec version 1  production" in done.stdout
    assert "12,104" in done.stdout, "rows read"
    assert "0.7030  0.6790 to 0.7253" in done.stdout, "NDCG@10 with its interval"
    assert "shopper c000" in done.stdout
    assert str(toy / "reports" / "report.html") in done.stdout
    assert "Traceback" not in done.stderr


def test_a_stop_names_what_is_wrong_without_a_traceback_and_exits_non_zero(toy: Path) -> None:
    events = toy / "exports" / "events.csv"
    events.write_text(events.read_text().replace(",1,", ",-1,"))
    done = shoprec(toy, dict(os.environ))
    assert done.returncode == 2
    assert "stopped the data breaks its contract" in done.stderr
    assert "events.quantity_in_range" in done.stderr
    assert "Traceback" not in done.stderr
    assert (toy / "reports" / "data_quality.failed.html").exists()
    assert not (toy / "data" / "valid").exists()


def test_a_mistyped_param_stops_at_once(toy: Path) -> None:
    change_params(toy, toy / "params.yaml", folds={"horizon_days": "a week", "train": 2})
    done = shoprec(toy, dict(os.environ))
    assert done.returncode == 4
    assert "folds.horizon_days" in done.stderr
    assert "'a week'" in done.stderr


@pytest.mark.usefixtures("none_left_behind")
def test_kill_9_in_a_stage_leaves_nothing_that_the_next_run_would_trust(toy: Path) -> None:
    run = start_hanging(toy)
    run.kill()
    run.wait()
    assert "judge" not in (toy / "dvc.lock").read_text()
    (toy / "hang").unlink()
    done = shoprec(toy, dict(os.environ))
    assert done.returncode == 0, done.stderr
    assert "shoprec version 1  production" in done.stdout


def test_ctrl_c_ends_the_stage_too_and_the_next_run_works(toy: Path) -> None:
    run = start_hanging(toy)
    run.send_signal(signal.SIGINT)
    assert run.wait(timeout=60) == 130
    stage = int((toy / "hanging").read_text())
    wait_until_gone(stage)
    (toy / "hang").unlink()
    assert shoprec(toy, dict(os.environ)).returncode == 0


@pytest.mark.usefixtures("none_left_behind")
def test_ctrl_c_in_a_terminal_reaches_the_temporary_server_too_and_all_ends_in_quiet(toy: Path) -> None:
    """A terminal sends it to all that was started in it; Prefect would look for a dead server for minutes."""
    with (toy / "said").open("wb") as said:
        run = start_hanging(toy, stderr=said, start_new_session=True)
        os.killpg(run.pid, signal.SIGINT)
        assert run.wait(timeout=60) == 130
    told = (toy / "said").read_text()
    assert "interrupted: nothing was registered" in told
    assert "refused" not in told
    assert "Error logging to API" not in told


@pytest.mark.usefixtures("none_left_behind")
@pytest.mark.parametrize(("ending", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_what_ends_a_run_ends_stages_that_run_side_by_side(toy: Path, ending: signal.Signals, code: int) -> None:
    """SIGTERM is how a worker cancels one."""
    with_stage_beside(toy, LINGERS)
    run = start_hanging(toy)
    stages_at_work = [int(wait_for_text(toy / name)) for name in ("hanging", "lingering")]
    run.send_signal(ending)
    assert run.wait(timeout=60) == code
    for stage in stages_at_work:
        wait_until_gone(stage)
    (toy / "hang").unlink()
    done = shoprec(toy, dict(os.environ))
    assert done.returncode == 0, done.stderr
    assert (toy / "data" / "beside").exists()


def test_where_one_of_two_stages_fails_the_other_is_kept(toy: Path) -> None:
    with_stage_beside(toy, FAILS)
    done = shoprec(toy, dict(os.environ))
    assert done.returncode == 2
    assert "stage 'beside' failed: no good" in done.stderr
    (toy / "beside.py").write_text(LINGERS)
    told = subprocess.run([*SHOPREC, "run", "--json"], cwd=toy, capture_output=True, text=True, check=True).stdout
    assert {stage["name"]: stage["skipped"] for stage in json.loads(told)["stages"]}["judge"]


def test_without_a_project_it_says_where_to_run(tmp_path: Path) -> None:
    done = shoprec(tmp_path, dict(os.environ))
    assert done.returncode == 4
    assert "run in the project's folder" in done.stderr


def with_stage_beside(root: Path, code: str) -> None:
    """One that runs at the same time as the last."""
    (root / "dvc.yaml").write_text((root / "dvc.yaml").read_text() + BESIDE)
    (root / "beside.py").write_text(code)


def start_hanging(
    root: Path, stderr: int | IO[bytes] = subprocess.DEVNULL, start_new_session: bool = False
) -> subprocess.Popen[bytes]:
    """A run whose last stage has begun to write its output and goes on for ever."""
    (root / "hang").touch()
    run = subprocess.Popen(
        [*SHOPREC, "run"],
        cwd=root,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        start_new_session=start_new_session,
    )
    wait_for_text(root / "hanging")
    return run


def test_what_a_program_reads_is_json_and_nothing_else(toy: Path) -> None:
    command = [*SHOPREC, "run", "--json"]
    done = subprocess.run(command, cwd=toy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["version"]["number"], told["version"]["stage"], told["is_new"]) == (1, "production", True)
    assert told["verdict"]["decision"] == "promote"
    assert [stage["name"] for stage in told["stages"]] == ["fetch", "validate", "judge"]
    assert told["metrics"]["all"]


@pytest.mark.parametrize("command", ["run", "refresh"])
def test_a_prefect_server_that_does_not_answer_is_told_at_once(command: str, toy: Path) -> None:
    env = os.environ | {"PREFECT_API_URL": f"http://127.0.0.1:{free_port()}/api"}
    done = subprocess.run([*SHOPREC, command], cwd=toy, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Prefect does not answer at http://127.0.0.1:" in done.stderr
    assert "mend PREFECT_API_URL" in done.stderr
    assert "Traceback" not in done.stderr
