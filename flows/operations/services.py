"""Programs that go on in the background: started once, found again by their notes, and ended with all that they began.

A note holds the number of the process and a mark in its environment, so what reused the number later is not taken for
it; when it began would not do, for the clock may be set.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import psutil

from tasks.errors import ShoprecError
from tasks.versioning.process import OnLine

HOST = "127.0.0.1"
PREFECT = "prefect"
POOL = "shoprec"
"""Of the worker, in Prefect."""
MARK = "SHOPREC_SERVICE"
FOLDER = "services"
"""In var/: a note and a log a service."""
_PATIENCE_S = 180.0
_GENTLE_S = 20.0
_LAST_LINES = 12


@dataclass(frozen=True)
class Service:
    name: str
    command: Sequence[str]
    """What follows `python -m`."""
    env: Mapping[str, str]
    port: int | None
    """On `HOST`, where it answers; None: it answers nowhere."""
    health_path: str = ""
    """It answers 200 there once it is up."""

    @property
    def address(self) -> str | None:
        return None if self.port is None else f"http://{HOST}:{self.port}"

    @property
    def health(self) -> str | None:
        return None if self.address is None else f"{self.address}{self.health_path}"


@dataclass(frozen=True)
class Running:
    """A note."""

    name: str
    pid: int
    mark: str
    """Value of `MARK` in its environment."""
    since: str
    """UTC, ISO 8601."""
    address: str | None
    health: str | None
    """Address that answers 200 while it is well; None: it answers nowhere."""

    @property
    def process(self) -> psutil.Process | None:
        """None where it has ended."""
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):  # another user's process is none of ours
            process = psutil.Process(self.pid)
            if process.environ().get(MARK) == self.mark:
                return process
        return None


def notes(var: Path) -> list[Running]:
    """Of all services that were started and not ended by `end`, by name; their processes may be gone."""
    found = []
    for path in sorted((var / FOLDER).glob("*.json")):
        with suppress(FileNotFoundError, json.JSONDecodeError, TypeError):  # it was ended this instant
            found.append(Running(**json.loads(path.read_text(encoding="utf-8"))))
    return found


def running(var: Path, name: str) -> Running | None:
    return next((note for note in notes(var) if note.name == name and note.process is not None), None)


def server_of(var: Path) -> str | None:
    """The address of the API of the Prefect server that was started here and still goes on."""
    note = running(var, PREFECT)
    return None if note is None else f"{note.address}/api"


def refuse_taken_port(service: Service) -> None:
    """Raises ShoprecError, before anything is started."""
    if service.port is None:
        return
    try:
        with socket.create_server((HOST, service.port)):
            return
    except OSError as error:
        raise ShoprecError(
            f"{service.name} cannot listen on {HOST}:{service.port} ({error.strerror}): end what holds it, or set"
            f" {service.name.upper()}_PORT to another one"
        ) from error


def start(var: Path, cwd: Path, service: Service) -> Running:
    """Begins it in a session of its own; it goes on when this process ends. Its output goes to its log."""
    from tasks.ingestion.storage import replace_file  # imports pandas, which other commands need not wait for

    folder = var / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    mark = str(uuid4())
    # A shell's background jobs ignore Ctrl-C, and so would what they start: Prefect ends by it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with log_of(var, service.name).open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *service.command],
                cwd=cwd,
                env={**service.env, MARK: mark},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    finally:
        signal.signal(signal.SIGINT, before)
    since = datetime.now(UTC).isoformat(timespec="seconds")
    note = Running(service.name, process.pid, mark, since, service.address, service.health)
    replace_file(folder / f"{service.name}.json", json.dumps(asdict(note)).encode())
    return note


def wait_until_up(var: Path, service: Service, note: Running, patience_s: float = _PATIENCE_S) -> None:
    """Raises ShoprecError, with the end of its log, where it ends or does not answer."""
    if service.health is None:
        return
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        if note.process is None:
            raise ShoprecError(
                f"{service.name} ended as it started; the end of its log:\n{last_lines(var, service.name)}"
            )
        if answers(service.health):
            return
        time.sleep(0.3)
    raise ShoprecError(
        f"{service.name} does not answer at {service.address} after {patience_s:.0f} s; the end of its log:\n"
        f"{last_lines(var, service.name)}"
    )


def answers(address: str) -> bool:
    import httpx

    try:
        return httpx.get(address, timeout=5).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def end(var: Path, note: Running, tell: OnLine) -> None:
    """First gently, then with all that it began; and takes its note away."""
    process = note.process
    if process is not None:
        began = process.children(recursive=True)
        with suppress(psutil.NoSuchProcess):
            process.terminate()
        _, left = psutil.wait_procs([process, *began], timeout=_GENTLE_S)
        for still in left:
            with suppress(psutil.NoSuchProcess):
                still.kill()
        psutil.wait_procs(left, timeout=_GENTLE_S)
        tell(f"{note.name}: ended" + (f", {len(left)} of its processes by force" if left else ""))
    else:
        tell(f"{note.name}: had ended before")
    (var / FOLDER / f"{note.name}.json").unlink(missing_ok=True)


def log_of(var: Path, name: str) -> Path:
    return var / FOLDER / f"{name}.log"


def last_lines(var: Path, name: str) -> str:
    try:
        lines = log_of(var, name).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return "(none)"
    return "\n".join(lines[-_LAST_LINES:])


def inherited() -> dict[str, str]:
    """The environment, but for what says where a server is: a server does not ask one."""
    return {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
