"""A real PostgreSQL server of a test's own, in a folder of its own, that can be stopped and started again."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import sqlalchemy as sa

USER, PASSWORD = "shop", "secret-of-the-test-9f2c"
"""A password that nothing else contains, so that a test can look for it where it must not be."""
_SYSTEM_USER = "postgres"
"""PostgreSQL refuses to run as root, so then it runs as this one."""


class Postgres:
    """Listens on 127.0.0.1 only; its data lies in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._programs = _programs()
        self._folder, self._data = folder, folder / "data"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]

    def create(self) -> None:
        password = self._folder / "password"
        password.write_text(PASSWORD, encoding="utf-8")
        if os.getuid() == 0:
            for path in (self._folder, password):
                shutil.chown(path, _SYSTEM_USER)
        self._call("initdb", "-U", USER, "--auth", "scram-sha-256", "--pwfile", str(password), "--no-sync")

    def start(self) -> None:
        listens = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        self._call("pg_ctl", "start", "-w", "-l", str(self._folder / "log"), "-o", listens)

    def stop(self) -> None:
        """At once, as after a crash of its machine: open connections are cut."""
        self._call("pg_ctl", "stop", "-w", "-m", "immediate")

    def restart(self) -> None:
        self.stop()
        self.start()

    def address(self, database: str = "postgres", scheme: str = "postgresql") -> str:
        """With the password, as a program gets it from its environment."""
        return f"{scheme}://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def new_database(self, name: str) -> str:
        """Its address."""
        engine = sa.create_engine(self.address(), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sa.text(f'CREATE DATABASE "{name}"'))
        engine.dispose()
        return self.address(name)

    def _call(self, program: str, *arguments: str) -> None:
        user = _SYSTEM_USER if os.getuid() == 0 else None
        group = pwd.getpwnam(_SYSTEM_USER).pw_gid if user else None
        command = [str(self._programs / program), "-D", str(self._data), *arguments]
        done = subprocess.run(  # a file, not a pipe, which the server would keep open
            command,
            cwd=self._folder,
            user=user,
            group=group,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode:
            log = self._folder / "log"
            raise AssertionError(f"{' '.join(command)}: {log.read_text() if log.exists() else done.returncode}")


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Skips the test where PostgreSQL is not installed."""
    with tempfile.TemporaryDirectory(prefix="shoprec-postgres-") as folder:
        server = Postgres(Path(folder))
        server.create()
        server.start()
        try:
            yield server
        finally:
            with suppress(AssertionError):  # a test may have stopped it
                server.stop()


def _programs() -> Path:
    found = shutil.which("pg_ctl")
    places = [Path(found)] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if not places:
        pytest.skip("PostgreSQL is not installed: infra/install-system-packages installs it")
    return places[-1].parent
