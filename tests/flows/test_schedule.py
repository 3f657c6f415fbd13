"""infra/prefect.yaml on a real server: an unpinned install deploys, and then silently never schedules anything."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

PROJECT = Path(__file__).parents[2]
PREFECT = [sys.executable, "-m", "prefect", "--no-prompt"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a client of a server that was just started."""
    home = tmp_path_factory.mktemp("prefect")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = os.environ | {
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "true",
        "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "2",
        "SHOPREC_ROOT": str(PROJECT),
    }
    command = [*PREFECT, "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    started = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _until(lambda: httpx.get(env["PREFECT_API_URL"] + "/health").status_code == 200, "the server answers")
        yield env
    finally:
        started.terminate()
        started.wait(timeout=30)


def test_the_weekly_deployment_gets_its_scheduled_runs(server: dict[str, str]) -> None:
    """Three next Mondays at 3, each scheduled by the server and not by us; at most one retrain at a time."""
    prefect(server, "work-pool", "create", "shoprec", "--type", "process")
    prefect(server, "deploy", "--all", "--prefect-file", "infra/prefect.yaml")
    api = server["PREFECT_API_URL"]
    deployment = httpx.get(f"{api}/deployments/name/retrain/weekly").raise_for_status().json()
    assert deployment["global_concurrency_limit"]["limit"] == 1

    def scheduled() -> list[dict[str, object]]:
        asked = {"deployments": {"id": {"any_": [deployment["id"]]}}, "sort": "EXPECTED_START_TIME_ASC"}
        return httpx.post(f"{api}/flow_runs/filter", json=asked).raise_for_status().json()

    _until(lambda: len(scheduled()) >= 3, "the schedule makes runs")
    first = scheduled()[0]
    assert first["state_type"] == "SCHEDULED"
    assert first["auto_scheduled"] is True
    assert first["parameters"] == {"reason": "weekly schedule"}
    assert time.strptime(str(first["expected_start_time"])[:16], "%Y-%m-%dT%H:%M")[3:7] == (3, 0, 0, 0), "Monday, 3:00"


def test_what_serves_is_refreshed_every_night(server: dict[str, str]) -> None:
    api = server["PREFECT_API_URL"]
    deployment = httpx.get(f"{api}/deployments/name/refresh/nightly").raise_for_status().json()
    assert [found["schedule"]["cron"] for found in deployment["schedules"]] == ["0 1 * * *"]
    assert deployment["parameters"] == {"reason": "nightly schedule"}
    assert deployment["parameter_openapi_schema"]["properties"]["reason"]["minLength"] == 1


def test_a_rollback_can_be_asked_for_with_its_reason(server: dict[str, str]) -> None:
    api = server["PREFECT_API_URL"]
    deployment = httpx.get(f"{api}/deployments/name/rollback/by-hand").raise_for_status().json()
    assert deployment["parameter_openapi_schema"]["required"] == ["reason"]
    assert deployment["schedules"] == []


def prefect(env: dict[str, str], *arguments: str) -> None:
    done = subprocess.run([*PREFECT, *arguments], cwd=PROJECT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _until(holds: Callable[[], bool], what: str, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(httpx.TransportError):  # not up yet
            if holds():
                return
        time.sleep(0.5)
    raise AssertionError(f"waited {seconds} s in vain until {what}")
