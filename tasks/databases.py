"""Databases that shoprec keeps things in, SQLite files or PostgreSQL: their addresses, and connections to them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, Table, create_engine, event, inspect, select
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

from tasks.errors import ShoprecError


@dataclass(frozen=True)
class Purpose:
    """What a database is for, as messages say it."""

    what: str
    """Such as `ledger`."""
    variable: str
    """Environment variable that holds the address."""

    @property
    def wanted(self) -> str:
        return (
            f"{self.variable} has to be as sqlite:////folder/{self.what}.db or postgresql://user:password@host/database"
        )


def address_of(url: str, purpose: Purpose) -> URL:
    """Raises ShoprecError for what is no SQLite file and no PostgreSQL database."""
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise ShoprecError(f"{purpose.variable} is no address of a database; {purpose.wanted}") from error
    kind, in_memory = address.get_backend_name(), address.database in (None, "", ":memory:")
    if kind not in ("sqlite", "postgresql") or (kind == "sqlite" and in_memory):
        shown = address.render_as_string(hide_password=True)
        raise ShoprecError(f"no {purpose.what} can be kept at {shown}; {purpose.wanted}")
    return address


def open_database(address: URL, purpose: Purpose, busy_s: float) -> Engine:
    """Connections are opened when needed and really closed: a lock may depend on one.

    `busy_s`: how long another writer of a SQLite file is waited for.
    """
    options = {"timeout": busy_s} if address.get_backend_name() == "sqlite" else {}
    try:
        engine = create_engine(address, poolclass=NullPool, connect_args=options)
    except ModuleNotFoundError as error:
        raise ShoprecError(
            f"the {purpose.what} at {address.drivername} needs the package {error.name}: install it"
        ) from error
    if engine.dialect.name == "sqlite":
        _make_folder(Path(address.database or "").parent, purpose)
        event.listen(engine, "connect", _leave_transactions_to_us)
        event.listen(engine, "begin", _begin)
    return engine


def rows_of(engine: Engine, table: Table, order: str) -> list[dict[str, Any]]:
    """All of them, by the column `order`; none where the table was not made yet."""
    with engine.connect() as connection:
        if not inspect(connection).has_table(table.name):
            return []
        return [dict(row) for row in connection.execute(select(table).order_by(table.c[order])).mappings()]


def _make_folder(folder: Path, purpose: Purpose) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ShoprecError(
            f"the {purpose.what}'s folder {folder} cannot be made ({error}); {purpose.wanted}"
        ) from error


def _leave_transactions_to_us(connection: Any, _record: object) -> None:
    """Python's own driver would end the transaction at every CREATE, and a crash could leave a table half made."""
    connection.isolation_level = None


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
