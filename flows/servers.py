"""MLflow and Prefect on this machine, over the files that runs have made."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping

from rich.console import Console

from flows.operations.local import mlflow_service, prefect_service
from flows.operations.services import refuse_taken_port
from flows.settings import Settings
from tasks.errors import ShoprecError


def serve(settings: Settings, console: Console) -> None:
    """Until Ctrl-C, or until one of them ends; then both end."""
    wanted = [service for service in (mlflow_service(settings), prefect_service(settings)) if service]
    if settings.artifacts is None:
        console.print(f"MLflow is served elsewhere: {settings.tracking_uri}")
    for service in wanted:
        refuse_taken_port(service)
        console.print(f"{service.name:8} {service.address}")
    console.print("Ctrl-C ends both; they take some seconds to come up.", style="dim")
    servers = {
        service.name: subprocess.Popen(
            [sys.executable, "-m", *service.command],
            cwd=settings.root,
            env=dict(service.env),
            start_new_session=True,
        )
        for service in wanted
    }
    try:
        _watch(servers)
    finally:
        for server in servers.values():
            _end(server)


def _watch(servers: Mapping[str, subprocess.Popen[bytes]]) -> None:
    while True:
        for name, server in servers.items():
            if server.poll() is not None:
                raise ShoprecError(f"{name} ended with exit code {server.returncode}: see above")
        time.sleep(0.5)


def _end(server: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=10)
    except ProcessLookupError:
        pass
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
