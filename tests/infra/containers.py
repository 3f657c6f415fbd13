"""infra/compose.yaml, read as Docker Compose reads it, and its services as plain processes of this machine."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import yaml

PROJECT = Path(__file__).parents[2]
COMPOSE = PROJECT / "infra" / "compose.yaml"
AWKWARD = "p@ss:w/o r%d#'\"&?"
"""A password that would break an address which it was put into."""
SECRETS = {
    "POSTGRES_PASSWORD": AWKWARD,
    "AWS_ACCESS_KEY_ID": "shop",
    "AWS_SECRET_ACCESS_KEY": "secret-of-the-store",
    "MLFLOW_TRACKING_USERNAME": "ada",
    "MLFLOW_TRACKING_PASSWORD": AWKWARD,
    "MLFLOW_FLASK_SERVER_SECRET_KEY": "signs-sessions",
    "PREFECT_AUTH_STRING": f"ada:{AWKWARD}",
    "SHOPREC_ALERTS_URL": "https://alerts.example.com/secret-path",
    "SHOPREC_SOURCE": "postgresql://reader:secret@db.example.com/shop",
}
_VARIABLE = re.compile(r"\$\{(\w+)(:?[?-][^}]*)?\}")


def services() -> dict[str, dict[str, Any]]:
    return yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]


def command_of(service: str, replaced: Mapping[str, str]) -> list[str]:
    return [_with(str(word), replaced) for word in services()[service]["command"]]


def environment_of(service: str, replaced: Mapping[str, str]) -> dict[str, str]:
    """With the values of `SECRETS`; nothing else of what this process knows but how to find programs."""
    given = services()[service]["environment"]
    filled = {name: _VARIABLE.sub(lambda found: SECRETS[found[1]], str(value)) for name, value in given.items()}
    found = {name: _with(value, replaced) for name, value in filled.items()}
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    quiet = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)])
    return {**kept, **quiet, **found, "PATH": path}


@contextmanager
def running(command: list[str], env: Mapping[str, str], health: str, log: Path) -> Iterator[None]:
    """From the moment on that `health` answers."""
    with log.open("w") as out:
        server = subprocess.Popen(command, env=env, cwd=log.parent, stdout=out, stderr=out, start_new_session=True)
    try:
        until(lambda: _answers(health) or server.poll() is not None, log)
        assert server.poll() is None, log.read_text()
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, 15)
        try:
            server.wait(timeout=15)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, 9)
            server.wait()


def until(holds: Callable[[], bool], log: Path, seconds: float = 240) -> None:
    """Raises AssertionError, with what is in `log`, where it does not hold within that time."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.5)


def _answers(address: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(address).status_code == 200
    return False


def _with(text: str, replaced: Mapping[str, str]) -> str:
    for before, after in replaced.items():
        text = text.replace(before, after)
    return text
