"""One change of stages at a time, also from several machines: the lock lies with the ledger's database."""

import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from tasks.errors import ShoprecError, TransientError
from tasks.lock_file import locked
from tasks.registry.texts import visible

_POLL_S = 0.1
_KEY = {"room": 0x73686F70, "what": 1}
"""Of the lock on PostgreSQL: two numbers that nobody else is likely to use."""
_TAKE = text("SELECT pg_try_advisory_lock(:room, :what)")
_HOLDER = text(
    "SELECT a.pid, a.application_name, a.backend_start FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid"
    " WHERE l.locktype = 'advisory' AND l.granted AND l.classid = :room AND l.objid = :what AND l.objsubid = 2"
    " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_NAME_CONNECTION = text("SELECT set_config('application_name', :name, false)")
_LONGEST_NAME = 50
"""PostgreSQL keeps 63 bytes of a connection's name."""


def exclusive(engine: Engine, who: str, wait_s: float) -> AbstractContextManager[None]:
    """Raises TransientError, naming the holder, where another has it for longer than `wait_s`.

    Not to be taken twice by one process. Whoever is killed holds it no longer: on SQLite it is a lock on a file beside
    the database, on PostgreSQL it belongs to a connection.
    """

    def busy(holder: str) -> ShoprecError:
        return TransientError(
            f"stages are being changed by {holder}, and {wait_s:g} s of waiting did not see the end: nothing was done;"
            " look at `shoprec history`, then try again"
        )

    who = visible(who, _LONGEST_NAME)
    if engine.dialect.name == "sqlite":
        return locked(Path(engine.url.database or ""), who, busy, wait_s)
    return _advisory_lock(engine, who, busy, wait_s)


@contextmanager
def _advisory_lock(
    engine: Engine, who: str, busy: Callable[[str], ShoprecError], wait_s: float
) -> Generator[None, None, None]:
    with ExitStack() as held:  # closing the connection, which is not pooled, lets go of the lock
        try:
            connection = held.enter_context(engine.connect().execution_options(isolation_level="AUTOCOMMIT"))
            _take(connection, who, busy, wait_s)
        except DBAPIError as error:
            raise TransientError(
                f"the database of the ledger at {engine.url.render_as_string(hide_password=True)} could not be used:"
                f" {error.orig}; nothing was done: see that it runs, then run again"
            ) from error
        yield


def _take(connection: Connection, who: str, busy: Callable[[str], ShoprecError], wait_s: float) -> None:
    connection.execute(_NAME_CONNECTION, {"name": f"shoprec: {who}"})
    end = time.monotonic() + wait_s
    while not connection.scalar(_TAKE, _KEY):
        if time.monotonic() >= end:
            raise busy(_holder(connection))
        time.sleep(_POLL_S)


def _holder(connection: Connection) -> str:
    found = connection.execute(_HOLDER, _KEY).first()
    if found is None:  # it has just let go
        return "another process"
    return f"database process {found.pid} ({found.application_name}, since {found.backend_start:%Y-%m-%d %H:%M:%S %z})"
