"""MLflow's own server in a process, behind a line that a test can cut."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from threading import Thread

import httpx

HOST = "127.0.0.1"
CALLS_LOCALHOST = {"MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https", "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true"}
"""For a server whose webhooks go to a test."""


class Server:
    """Over a SQLite file and a folder of artifacts. Clients reach it at `uri`, through the line."""

    def __init__(self, folder: Path, **env: str) -> None:
        self._env = env
        self.database, self.artifacts = folder / "mlflow.db", folder / "artifacts"
        self._port, self._process = free_port(), None
        self.line = Line(self._port)
        self.uri = f"http://{HOST}:{self.line.port}"

    def hold(self, database: Path) -> None:
        """From now on its database is as that one."""
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(self.database)) as target:
            source.backup(target)

    def start(self) -> None:
        own = ["--backend-store-uri", f"sqlite:///{self.database}", "--artifacts-destination", str(self.artifacts)]
        command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(self._port)]
        env = (
            os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"} | self._env
        )
        self._process = subprocess.Popen(
            [*command, "--workers", "1", *own],
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._wait()

    def stop(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _wait(self, seconds: float = 120) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with suppress(httpx.TransportError):  # not up yet
                if httpx.get(f"http://{HOST}:{self._port}/health").status_code == 200:
                    return
            time.sleep(0.2)
        raise AssertionError(f"MLflow's server did not come up in {seconds} s")


class Line:
    """Cut, nobody listens at its port, as where a server is stopped; mended, all goes to the server's port."""

    def __init__(self, to: int) -> None:
        self.port, self._to = free_port(), to
        self._listener: socket.socket | None = None
        self._ends: list[socket.socket] = []
        self.mend()

    def mend(self) -> None:
        if self._listener is None:
            self._listener = socket.create_server((HOST, self.port))
            Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        ends, self._ends = self._ends, []
        for end in [*ends, *([self._listener] if self._listener else [])]:
            _close(end)
        self._listener = None

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):  # the line was cut
            while True:
                self._connect(listener.accept()[0])

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection((HOST, self._to))
        except ConnectionRefusedError:  # the server itself was stopped
            _close(client)
            return
        self._ends += [client, server]
        for source, target in ((client, server), (server, client)):
            Thread(target=_carry, args=(source, target), daemon=True).start()


def _carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while sent := source.recv(65536):
            target.sendall(sent)
    _close(source)
    _close(target)


def _close(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


def free_port() -> int:
    with socket.socket() as free:
        free.bind((HOST, 0))
        return free.getsockname()[1]
