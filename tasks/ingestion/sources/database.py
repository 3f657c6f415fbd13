"""The shop's database: where it is, what it answers, and what it refuses. Nothing here shows its password."""

import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.pool import NullPool

from tasks.errors import DataContractError, ParamsError, ShoprecError, TransientError
from tasks.ingestion.sources.chunks import Query

_LIMIT_S = 30
_LIBPQ = ("psycopg2", "psycopg")
"""Drivers that take libpq's options. Without keepalives, a server that went away in silence is waited for for hours."""
_KEEPALIVES = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
_SQL_AT_FAULT = 1
"""SQLite's code SQLITE_ERROR. Its driver calls a mistyped column and a locked file by the same class."""
_EXAMPLE = "postgresql://name:password@host/database or sqlite:////folder/shop.db"


def address_in(variable: str) -> URL:
    """Raises ParamsError where the environment has no such variable, or no address there."""
    given = os.environ.get(variable, "").strip()
    if not given:
        raise ParamsError(
            f"the environment variable {variable}, which source.sql.address_variable names, is not set: set it to the"
            f" address of the shop's database, such as {_EXAMPLE}"
        )
    try:
        address = make_url(given)
    except (ArgumentError, ValueError):
        raise ParamsError(
            f"what {variable} holds is no address of a database, which is as {_EXAMPLE}; a / or @ in a password is"
            " written %2F or %40"
        ) from None  # what it received is a secret
    if address.get_backend_name() == "sqlite" and not Path(address.database or "").is_file():
        raise ParamsError(f"{variable} names the SQLite file {address.database}, which does not exist")
    return address


def shown(address: URL) -> str:
    """As messages may show it: options may hold secrets, too."""
    return address.set(query={}).render_as_string(hide_password=True)


@contextmanager
def connected(address: URL, limit_s: int = _LIMIT_S) -> Iterator[sa.Connection]:
    """One transaction that cannot write, and to which all tables are as they were at one moment.

    Raises TransientError where the database cannot be reached within `limit_s`, and ParamsError where there is no
    driver for it.
    """
    libpq = address.drivername == "postgresql" or address.drivername.endswith(tuple(f"+{name}" for name in _LIBPQ))
    options = {"connect_timeout": limit_s, **_KEEPALIVES} if libpq else {}
    try:
        engine = sa.create_engine(address, poolclass=NullPool, connect_args=options, hide_parameters=True)
    except (ArgumentError, ModuleNotFoundError) as error:
        raise ParamsError(
            f"there is no driver here for {shown(address)}: {error}; install it, or name another"
        ) from None
    with faults_of(address, "the connection"), engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        connection.execute(sa.select(1))
        yield connection


@contextmanager
def faults_of(address: URL, what: str) -> Generator[None, None, None]:
    """What the database says of `what`, in our words: a lost connection may pass, refused SQL does not."""
    try:
        yield
    except DBAPIError as error:
        raise _told(address, what, error) from None  # its traceback shows what was connected with


def columns_of(connection: sa.Connection, query: Query) -> list[str]:
    """Names of the query's columns, in their order."""
    source = _as_table(query.table.query, ())
    return list(connection.execute(sa.select(sa.literal_column("*")).select_from(source).limit(0)).keys())


def one_value(connection: sa.Connection, query: Query, column: str) -> object:
    """Any that is not NULL; None where all are."""
    found = _as_table(query.table.query, [column]).c[column]
    with _values_of(query):
        return connection.execute(sa.select(found).where(found.is_not(None)).limit(1)).scalar()


def rows_of(
    connection: sa.Connection,
    query: Query,
    columns: Sequence[str],
    between: tuple[str, object, object] | None,
    chunk_rows: int,
) -> Iterator[Sequence[sa.Row]]:
    """The query's rows, at most `chunk_rows` at a time, of which no more are in memory here.

    `between`: a column, and the values from which (included) to which (excluded) it is asked for; rows where it is
    NULL come, too.
    """
    source = _as_table(query.table.query, columns)
    statement = sa.select(*(source.c[column] for column in columns))
    if between is not None:
        column, start, end = source.c[between[0]], between[1], between[2]
        statement = statement.where(sa.or_(sa.and_(column >= start, column < end), column.is_(None)))
    with _values_of(query):
        result = connection.execute(statement, execution_options={"yield_per": chunk_rows})
    with result:
        chunks = result.partitions()
        while rows := _next(chunks, query):
            yield rows


def _next(chunks: Iterator[Sequence[sa.Row]], query: Query) -> Sequence[sa.Row]:
    """Empty when all are read."""
    with _values_of(query):
        return next(chunks, ())


@contextmanager
def _values_of(query: Query) -> Generator[None, None, None]:
    try:
        yield
    except (ValueError, OverflowError) as error:
        raise DataContractError(
            f"{query.where} gives a value that Python has no type for ({error}): leave such rows out of it"
        ) from error


def _as_table(query: str, columns: Sequence[str]) -> sa.Subquery:
    """The line's end closes a comment that the query may end with."""
    text = query.strip().removesuffix(";").replace(":", "\\:")  # which would name a parameter
    return sa.text(f"{text}\n").columns(*(sa.column(name) for name in columns)).subquery("source")


def _told(address: URL, what: str, error: DBAPIError) -> ShoprecError:
    words, where = str(error.orig).strip(), f"the database at {shown(address)}"
    if address.password:
        words = words.replace(str(address.password), "***")
    code = getattr(error.orig, "sqlite_errorcode", None)
    if error.connection_invalidated or (isinstance(error, OperationalError | InterfaceError) and code != _SQL_AT_FAULT):
        return TransientError(
            f"{where} could not be used ({what}): {words}; see that it runs and lets this user in, then run again: what"
            " landed before is as it was"
        )
    return ParamsError(f"{where} refuses {what}: {words}; mend it in params.yaml, or the user's rights in the database")
