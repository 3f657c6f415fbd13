"""The ledger's table, and its database. Nothing but the triggers depends on which of the two kinds it is."""

from pathlib import Path
from typing import Any

from sqlalchemy import DDL, Column, Engine, Integer, MetaData, Table, Text, create_engine, event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

from tasks.errors import ShoprecError

BUSY_S = 5.0
"""How long another writer of a SQLite file is waited for."""
METADATA = MetaData()
TABLE = Table(
    "shoprec_ledger",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("ends", Integer),
    Column("who", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("from_stage", Text, nullable=False),
    Column("to_stage", Text, nullable=False),
    Column("replaced", Integer),
    Column("why", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("digest", Text, nullable=False),
)
_ON_SQLITE = (
    "CREATE TRIGGER shoprec_ledger_no_update BEFORE UPDATE ON shoprec_ledger"
    " BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END",
    "CREATE TRIGGER shoprec_ledger_no_delete BEFORE DELETE ON shoprec_ledger"
    " BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END",
    # INSERT OR REPLACE takes a row's place without the trigger on DELETE
    "CREATE TRIGGER shoprec_ledger_in_order BEFORE INSERT ON shoprec_ledger"
    " WHEN NEW.number <> (SELECT COALESCE(MAX(number), 0) + 1 FROM shoprec_ledger)"
    " BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END",
)
_ON_POSTGRESQL = (
    "CREATE OR REPLACE FUNCTION shoprec_ledger_only_grows() RETURNS trigger LANGUAGE plpgsql"
    " AS $$ BEGIN RAISE EXCEPTION 'the ledger only grows'; END $$",
    "CREATE TRIGGER shoprec_ledger_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON shoprec_ledger"
    " FOR EACH STATEMENT EXECUTE FUNCTION shoprec_ledger_only_grows()",
)
for _dialect, _statements in (("sqlite", _ON_SQLITE), ("postgresql", _ON_POSTGRESQL)):
    for _statement in _statements:
        event.listen(TABLE, "after_create", DDL(_statement).execute_if(dialect=_dialect))


def address_of(url: str) -> URL:
    """Raises ShoprecError for what is no SQLite file and no PostgreSQL database."""
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise ShoprecError(f"SHOPREC_LEDGER is no address of a database; {_WANTED}") from error
    kind, in_memory = address.get_backend_name(), address.database in (None, "", ":memory:")
    if kind not in ("sqlite", "postgresql") or (kind == "sqlite" and in_memory):
        raise ShoprecError(f"no ledger can be kept at {address.render_as_string(hide_password=True)}; {_WANTED}")
    return address


def open_database(address: URL) -> Engine:
    """Connections are opened when needed and really closed: a lock may depend on one."""
    options = {"timeout": BUSY_S} if address.get_backend_name() == "sqlite" else {}
    try:
        engine = create_engine(address, poolclass=NullPool, connect_args=options)
    except ModuleNotFoundError as error:
        raise ShoprecError(f"the ledger at {address.drivername} needs the package {error.name}: install it") from error
    if engine.dialect.name == "sqlite":
        _make_folder(Path(address.database or "").parent)
        event.listen(engine, "connect", _leave_transactions_to_us)
        event.listen(engine, "begin", _begin)
    return engine


_WANTED = "SHOPREC_LEDGER has to be as sqlite:////folder/ledger.db or postgresql://user:password@host/database"


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ShoprecError(f"the ledger's folder {folder} cannot be made ({error}); {_WANTED}") from error


def _leave_transactions_to_us(connection: Any, _record: object) -> None:
    """Python's own driver would end the transaction at every CREATE, and a crash could leave a table untriggered."""
    connection.isolation_level = None


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
