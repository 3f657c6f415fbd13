"""MLflow and Prefect as compose.yaml starts them, as plain processes on a real PostgreSQL: only with a password."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from flows.doctor.mlflow_server import mlflow as look_at_mlflow
from flows.doctor.prefect_server import prefect as look_at_prefect
from flows.settings import read_settings
from tests.flows.mlflow_server import free_port
from tests.infra.containers import AWKWARD, PROJECT, SECRETS, command_of, environment_of, running, until
from tests.postgres import running_postgres

NAME = SECRETS["MLFLOW_TRACKING_USERNAME"]
SEARCH = "/api/2.0/mlflow/experiments/search"
needs_auth_app = pytest.mark.skipif(
    importlib.util.find_spec("flask_wtf") is None, reason="mlflow[auth] is not installed: make setup"
)


@pytest.fixture(scope="module")
def stores() -> Iterator[dict[str, str]]:
    """PostgreSQL as the container makes it, with a password that no address could hold, for a client's environment.

    A server of its own: the databases have the names of production, which another test may use on the shared one.
    """
    with running_postgres() as postgres:
        engine = sa.create_engine(postgres.address(), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            literal = AWKWARD.replace("'", "''").replace("%", "%%")
            connection.exec_driver_sql(f"CREATE ROLE shoprec SUPERUSER LOGIN PASSWORD '{literal}'")
            for line in (PROJECT / "infra" / "databases.sql").read_text(encoding="utf-8").splitlines():
                if not line.startswith("--"):
                    connection.exec_driver_sql(line)
        engine.dispose()
        yield {"PGPORT": str(postgres.port), "PGHOST": "127.0.0.1"}


def of_mlflow(stores: dict[str, str], folder: Path, port: int) -> tuple[list[str], dict[str, str]]:
    local = {"0.0.0.0": "127.0.0.1", "5000": str(port), "s3://mlflow": str(folder), "/app": str(PROJECT)}  # noqa: S104
    command = [sys.executable, "-m", *command_of("mlflow", local)]
    return command, environment_of("mlflow", local) | stores


@needs_auth_app
def test_mlflow_does_not_start_without_a_password_and_lets_nobody_in_without_it(
    stores: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    command, env = of_mlflow(stores, tmp_path, port)
    without = env | {"MLFLOW_AUTH_ADMIN_PASSWORD": ""}
    refused = subprocess.run(
        command, env=without, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False
    )
    assert refused.returncode != 0
    assert "MLFLOW_AUTH_ADMIN_PASSWORD" in refused.stdout + refused.stderr
    address = f"http://127.0.0.1:{port}"
    with running(command, env, f"{address}/health", tmp_path / "mlflow.log"):
        body = {"max_results": 1}
        assert httpx.post(address + SEARCH, json=body).status_code == 401
        for pair in ((NAME, "password1234"), ("admin", "password1234"), ("admin", "password"), (NAME, "")):
            assert httpx.post(address + SEARCH, json=body, auth=pair).status_code == 401
        assert httpx.post(address + SEARCH, json=body, auth=(NAME, AWKWARD)).status_code == 200
        host = {"Host": "elsewhere.example"}
        assert httpx.post(address + SEARCH, json=body, auth=(NAME, AWKWARD), headers=host).status_code == 403
        in_compose = {"Host": f"mlflow:{port}"}
        assert httpx.post(address + SEARCH, json=body, auth=(NAME, AWKWARD), headers=in_compose).status_code == 200

        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", NAME)
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", AWKWARD)
        assert look_at_mlflow(read_settings(tmp_path))[0].outcome == "ok"
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "wrong")
        assert look_at_mlflow(read_settings(tmp_path))[0].outcome == "fail"
    assert AWKWARD not in (tmp_path / "mlflow.log").read_text()


def leased_on_disk(address: str, kept: Path) -> None:
    """A slot that somebody takes is known by a file, so that a server that starts again can free it."""
    limits = f"{address}/v2/concurrency_limits"
    httpx.post(f"{limits}/", json={"name": "one", "limit": 1}, auth=(NAME, AWKWARD)).raise_for_status()
    slot = {"names": ["one"], "slots": 1, "mode": "concurrency", "lease_duration": 60}
    taken = httpx.post(f"{limits}/increment-with-lease", json=slot, auth=(NAME, AWKWARD)).raise_for_status().json()
    assert (kept / "concurrency_leases" / f"{taken['lease_id']}.json").is_file()


def test_prefect_lets_nobody_in_without_its_password_and_takes_deployments_and_a_worker_with_it(
    stores: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, kept, home = free_port(), tmp_path / "kept", tmp_path / "home"
    folders = {"/var/lib/prefect": str(kept), "/home/shoprec": str(home)}
    local = {"0.0.0.0": "127.0.0.1", "4200": str(port), "prefect:": "127.0.0.1:", **folders}  # noqa: S104
    command = [sys.executable, "-m", *command_of("prefect", local)]
    env, address = environment_of("prefect", local) | stores, f"http://127.0.0.1:{port}/api"
    with running(command, env, f"{address}/health", tmp_path / "prefect.log"):
        asked = f"{address}/admin/version"
        assert httpx.get(asked).status_code == 401
        assert httpx.get(asked, auth=("admin", "pass")).status_code == 401
        assert httpx.get(asked, auth=(NAME, AWKWARD)).status_code == 200
        assert "<html" in httpx.get(f"http://127.0.0.1:{port}/", follow_redirects=True).raise_for_status().text
        assert {folder.name for folder in (home / "prefect-ui").iterdir() if folder.is_dir()} == {"v1", "v2"}
        leased_on_disk(address, kept)

        monkeypatch.setenv("PREFECT_API_URL", address)
        monkeypatch.setenv("PREFECT_API_AUTH_STRING", SECRETS["PREFECT_AUTH_STRING"])
        assert look_at_prefect(read_settings(tmp_path))[0].outcome == "ok"
        monkeypatch.setenv("PREFECT_API_AUTH_STRING", "ada:wrong")
        assert look_at_prefect(read_settings(tmp_path))[0].outcome == "fail"

        deploy, client = command_of("deploy", {}), environment_of("deploy", local)
        done = subprocess.run(deploy, env=client, cwd=PROJECT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        found = httpx.post(f"{address}/deployments/filter", json={}, auth=(NAME, AWKWARD)).raise_for_status().json()
        assert {one["work_pool_name"] for one in found} == {"shoprec"}
        assert {
            one["pull_steps"][0]["prefect.deployments.steps.set_working_directory"]["directory"] for one in found
        } == {"/project"}

        health = free_port()
        worker = environment_of("worker", local) | {"PREFECT_WORKER_WEBSERVER_PORT": str(health)}
        begun = [sys.executable, "-m", *command_of("worker", {})]
        with running(begun, worker, f"http://127.0.0.1:{health}/health", tmp_path / "worker.log"):
            workers = f"{address}/work_pools/shoprec/workers/filter"

            def seen() -> list[str]:
                answer = httpx.post(workers, json={}, auth=(NAME, AWKWARD)).raise_for_status()
                return [one["name"] for one in answer.json()]

            until(lambda: seen() == ["compose"], tmp_path / "worker.log")
    assert AWKWARD not in (tmp_path / "prefect.log").read_text()
