"""A project with its servers and its worker, brought up by `shoprec up` and asked as people and programs ask it."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

import psutil
import yaml

from flows.events import as_prefect_takes_it
from flows.operations.prefect_states import ENDED
from flows.prefect_api import ask
from tasks.errors import TransientError
from tests.flows.mlflow_server import free_port

PROJECT = Path(__file__).parents[2]
SHOPREC = [sys.executable, "-c", "from flows.cli import main; main()"]
QUICK = {
    "PREFECT_WORKER_QUERY_SECONDS": "2",
    "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "3",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "true",
}
"""A server that looks more often than one that has a week."""


class Unattended:
    def __init__(self, root: Path, **env: str) -> None:
        self.root = root
        ports = {"MLFLOW_PORT": str(free_port()), "PREFECT_PORT": str(free_port())}
        without = ("PREFECT_API_URL", "MLFLOW_TRACKING_URI", "PREFECT_HOME")
        self.env = {k: v for k, v in os.environ.items() if k not in without} | QUICK | ports | env
        self.api = f"http://127.0.0.1:{ports['PREFECT_PORT']}/api"

    def shoprec(self, *arguments: str, code: int = 0) -> str:
        """Standard output; the command ends with `code`."""
        done = subprocess.run(
            [*SHOPREC, *arguments], cwd=self.root, env=self.env, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def status(self) -> dict[str, Any]:
        """Asked again while a server is up and too busy to answer, as in `answer`."""
        found: list[dict[str, Any]] = []

        def answered() -> bool:
            done = subprocess.run(
                [*SHOPREC, "status", "--json"], cwd=self.root, env=self.env, capture_output=True, text=True, check=False
            )
            found.append(json.loads(done.stdout))
            states = {one["name"]: one["state"] for one in found[-1]["services"]}
            return "silent" not in states.values() and not (found[-1]["why_unknown"] and states["prefect"] == "up")

        until(answered, "every server that is up answers", 240)
        return found[-1]

    def service(self, name: str) -> psutil.Process:
        note = json.loads((self.root / "var" / "services" / f"{name}.json").read_text())
        return psutil.Process(note["pid"])

    def happens(self, event: str, **payload: Any) -> None:
        """As any program tells it."""
        body = [as_prefect_takes_it(event, self.root, payload, uuid4())]
        self.answer("POST", "/events", body)

    def answer(self, method: str, path: str, body: Any = None, seconds: float = 240) -> Any:
        """Asked again while the server is busy, which on a machine with much to do was seen to last for minutes.

        `body` has a key, so that what was done before its answer was lost is not done twice.
        """
        answers: list[Any] = []

        def answered() -> bool:
            answers.append(ask(self.api, method, path, body))
            return True

        until(answered, f"{method} {path} is answered", seconds)
        return answers[0]

    def start(self, deployment: str, **parameters: Any) -> str:
        """As a person does it in the UI; the run's id."""
        known = self.answer("GET", f"/deployments/name/{deployment}")
        body = {"parameters": parameters, "state": {"type": "SCHEDULED"}, "idempotency_key": str(uuid4())}
        return self.answer("POST", f"/deployments/{known['id']}/create_flow_run", body)["id"]

    def run(self, run_id: str) -> dict[str, Any]:
        return self.answer("GET", f"/flow_runs/{run_id}")

    def runs(self, flow: str) -> list[dict[str, Any]]:
        """All that were begun or asked for now, the oldest first; not those of a schedule's future."""
        asked = {"flows": {"name": {"any_": [flow]}}, "sort": "EXPECTED_START_TIME_ASC", "limit": 200}
        found = self.answer("POST", "/flow_runs/filter", asked)
        return [run for run in found if run["state_name"] != "Scheduled" or not run["auto_scheduled"]]

    def ended(self, run_id: str, seconds: float = 240) -> dict[str, Any]:
        until(lambda: self.run(run_id)["state_type"] in ENDED, f"run {run_id} has ended", seconds)
        return self.run(run_id)

    def newest(self, flow: str, after: int, seconds: float = 240) -> dict[str, Any]:
        """The run of the flow that came after so many others, once it has ended."""
        until(lambda: len(self.runs(flow)) > after, f"{flow} has more than {after} runs", seconds)
        return self.ended(self.runs(flow)[after]["id"], seconds)

    def process_of(self, run_id: str) -> psutil.Process:
        """That of the flow run."""

        def found() -> list[psutil.Process]:
            return [
                process
                for process in self.service("worker").children(recursive=True)
                if process.environ().get("PREFECT__FLOW_RUN_ID") == run_id
            ]

        until(lambda: bool(found()), f"run {run_id} has a process", 60)
        return found()[0]


@contextmanager
def unattended(root: Path, **env: str) -> Iterator[Unattended]:
    """Brought up, and taken down whatever happens."""
    shop = Unattended(root, **env)
    shop.shoprec("up")
    try:
        yield shop
    finally:
        shop.shoprec("down")


def with_deployments(root: Path, crons: Mapping[str, str] | None = None) -> Path:
    """The project's own two files; `crons` of deployments by name, none for the others."""
    (root / "infra").mkdir()
    text = yaml.safe_load((PROJECT / "infra" / "prefect.yaml").read_text(encoding="utf-8"))
    for deployment in text["deployments"]:
        cron = (crons or {}).get(deployment["name"])
        deployment["schedules"] = [{"cron": cron, "timezone": "UTC", "active": True}] if cron else []
    (root / "infra" / "prefect.yaml").write_text(yaml.safe_dump(text), encoding="utf-8")
    shutil.copy(PROJECT / "infra" / "automations.yaml", root / "infra")
    return root


class Inbox:
    """Where alerts are posted."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # noqa: N802  (http.server calls it so)
                body = self.rfile.read(int(self.headers["Content-Length"]))
                inbox.texts.append(json.loads(body)["text"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                del format, args

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}/secret-path"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def gets(self, *words: str, seconds: float = 60) -> str:
        """The first text that has all these words."""

        def matching() -> list[str]:
            return [text for text in self.texts if all(word in text for word in words)]

        until(lambda: bool(matching()), f"an alert has {words}; there are {self.texts}", seconds)
        return matching()[0]


def until(holds: Callable[[], bool], what: str, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    busy: TransientError | None = None
    while time.monotonic() < end:
        try:
            if holds():
                return
        except TransientError as error:  # a server that is busy, or restarted
            busy = error
        time.sleep(0.5)
    raise AssertionError(f"waited {seconds} s in vain until {what}") from busy


def hang(root: Path) -> None:
    """From now on the toy's own stage waits; see `judge.py`."""
    (root / "hang").write_text("")
    (root / "hanging").unlink(missing_ok=True)


def go_on(root: Path) -> None:
    (root / "hang").unlink()


def forget_what_was_learned(root: Path) -> None:
    """The toy's stage has to run again, over the same data: its code is another, which DVC has never seen."""
    with (root / "judge.py").open("a", encoding="utf-8") as code:
        code.write(f"# {uuid4()}\n")
