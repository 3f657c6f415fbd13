"""MLflow and Prefect on this machine, over the files that runs have made."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping

from rich.console import Console

from flows.settings import Settings
from tasks.errors import ShoprecError

HOST = "127.0.0.1"


def serve(settings: Settings, console: Console) -> None:
    """Until Ctrl-C, or until one of them ends; then both end."""
    ports = {"MLflow": os.environ.get("MLFLOW_PORT", "5000"), "Prefect": os.environ.get("PREFECT_PORT", "4200")}
    commands = {"MLflow": _mlflow(settings, ports["MLflow"]), "Prefect": _prefect(ports["Prefect"])}
    if settings.artifacts is None:
        console.print(f"MLflow is served elsewhere: {settings.tracking_uri}")
        del commands["MLflow"]
    for name in commands:
        console.print(f"{name:8} http://{HOST}:{ports[name]}")
    console.print("Ctrl-C ends both; they take some seconds to come up.", style="dim")
    env = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    env.pop("PREFECT_API_URL", None)
    servers = {
        name: subprocess.Popen([sys.executable, "-m", *command], cwd=settings.root, env=env, start_new_session=True)
        for name, command in commands.items()
    }
    try:
        _watch(servers)
    finally:
        for server in servers.values():
            _end(server)


def _mlflow(settings: Settings, port: str) -> list[str]:
    own = ["--backend-store-uri", settings.tracking_uri, "--artifacts-destination", str(settings.artifacts)]
    return ["mlflow", "server", "--host", HOST, "--port", port, "--workers", "1", *own]


def _prefect(port: str) -> list[str]:
    return ["prefect", "server", "start", "--host", HOST, "--port", port]


def _watch(servers: Mapping[str, subprocess.Popen[bytes]]) -> None:
    while True:
        for name, server in servers.items():
            if server.poll() is not None:
                raise ShoprecError(
                    f"{name} ended with exit code {server.returncode}: see above; if its port is taken, set"
                    f" {name.upper()}_PORT to another one"
                )
        time.sleep(0.5)


def _end(server: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=10)
    except ProcessLookupError:
        pass
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
