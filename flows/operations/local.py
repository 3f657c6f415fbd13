"""The three services of a project on one machine: MLflow's server, Prefect's server, and a worker."""

import os
from contextlib import AbstractContextManager
from pathlib import Path

from flows.operations import services
from flows.operations.lost_runs import end_lost_runs
from flows.operations.services import HOST, POOL, PREFECT, Running, Service
from flows.settings import Settings, local_database, mlflow_port
from tasks.errors import ShoprecError
from tasks.lock_file import locked
from tasks.versioning.process import OnLine

MLFLOW, WORKER = "mlflow", "worker"
HEARTBEAT_S = "30"
"""A run that was quiet for longer than `infra/automations.yaml` allows is taken for dead; Prefect's own is 180."""


def mlflow_service(settings: Settings) -> Service | None:
    """Over the project's database and files, or those that MLflow's own variables name: MLFLOW_BACKEND_STORE_URI and
    MLFLOW_ARTIFACTS_DESTINATION. None where MLflow is served elsewhere.
    """
    port = _port("MLFLOW_PORT", mlflow_port())
    if settings.artifacts is None and settings.tracking_uri != f"http://{HOST}:{port}":
        return None
    command = ["mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1"]
    if "MLFLOW_ARTIFACTS_DESTINATION" not in os.environ:
        # Files are named by where they lie, so that commands find them when the server is down, too.
        files = settings.artifacts or settings.var / "mlartifacts"
        command += ["--no-serve-artifacts", "--default-artifact-root", files.as_uri()]
    # By the environment: an address may hold a password, and a command line is seen by everybody on the machine.
    database = settings.tracking_uri if settings.artifacts else local_database(settings.root)
    env = (
        {"MLFLOW_BACKEND_STORE_URI": database} | services.inherited() | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    )
    return Service(MLFLOW, command, env, port, "/health")


def prefect_service(settings: Settings) -> Service | None:
    """None where `PREFECT_API_URL` names one elsewhere."""
    elsewhere = os.environ.get("PREFECT_API_URL")
    if elsewhere and elsewhere != services.server_of(settings.var):
        return None
    port = _port("PREFECT_PORT", os.environ.get("PREFECT_PORT", "4200"))
    command = ["prefect", "server", "start", "--host", HOST, "--port", str(port)]
    # Whose slot a run holds is in memory by Prefect's default: after a restart nobody would give it back.
    leases = {"PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem"}
    return Service(PREFECT, command, leases | services.inherited(), port, "/api/health")


def worker_service(settings: Settings, api: str, tracking_uri: str) -> Service:
    own = {
        "PREFECT_API_URL": api,
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": os.environ.get("PREFECT_FLOWS_HEARTBEAT_FREQUENCY", HEARTBEAT_S),
        "MLFLOW_TRACKING_URI": tracking_uri,
        "SHOPREC_ROOT": str(settings.root),
    }
    command = ["prefect", "worker", "start", "--pool", POOL, "--type", "process", "--name", settings.root.name]
    return Service(WORKER, command, os.environ | own, None)


def bring_up(settings: Settings, tell: OnLine) -> str:
    """Starts what does not run, and registers the deployments; the address of Prefect's API.

    Where one of them does not come up, those that were started by this call are ended again.
    """
    with only_one(settings.var):
        wanted = [service for service in (mlflow_service(settings), prefect_service(settings)) if service]
        new = [service for service in wanted if services.running(settings.var, service.name) is None]
        for service in new:
            services.refuse_taken_port(service)
        begun: list[Running] = []
        try:
            begun += [services.start(settings.var, settings.root, service) for service in new]
            for service, note in zip(new, begun, strict=True):
                services.wait_until_up(settings.var, service, note)
                tell(f"{service.name} is up: {service.address}")
            api, tracking = _prefect_api(settings), _tracking(settings)
            from flows.operations.registration import register  # imports prefect

            register(settings.root, api, tell)
            if services.running(settings.var, WORKER) is None:
                if services.server_of(settings.var) == api:  # so no other machine has runs at work there
                    end_lost_runs(api, tell)
                begun.append(services.start(settings.var, settings.root, worker_service(settings, api, tracking)))
                tell("worker is up: it does what is scheduled")
        except BaseException:
            for note in reversed(begun):
                services.end(settings.var, note, tell)
            raise
    return api


def take_down(settings: Settings, tell: OnLine) -> int:
    """Ends what `bring_up` started, the worker first; how many that were."""
    with only_one(settings.var):
        found = {note.name: note for note in services.notes(settings.var)}
        for name in (WORKER, PREFECT, MLFLOW):
            if name in found:
                services.end(settings.var, found[name], tell)
    return len(found)


def only_one(var: Path) -> AbstractContextManager[None]:
    def busy(holder: str) -> ShoprecError:
        return ShoprecError(
            f"{holder} starts or ends the services of {var.parent} at this moment: wait, then look again"
        )

    return locked(var / "services.change", "up or down", busy)


def _prefect_api(settings: Settings) -> str:
    return services.server_of(settings.var) or os.environ["PREFECT_API_URL"]


def _tracking(settings: Settings) -> str:
    """By the server where one runs here: a client of its files would send none of MLflow's webhooks."""
    note = services.running(settings.var, MLFLOW)
    return note.address or settings.tracking_uri if note else settings.tracking_uri


def _port(variable: str, value: str) -> int:
    if not value.isdecimal() or not 0 < int(value) < 2**16:
        raise ShoprecError(f"{variable} is '{value}', but a port is a number from 1 to 65535")
    return int(value)
