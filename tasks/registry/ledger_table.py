"""The ledger's table, and its database. Nothing but the triggers depends on which of the two kinds it is."""

from sqlalchemy import DDL, Column, Engine, Integer, MetaData, Table, Text, event
from sqlalchemy.engine import URL

from tasks import databases

_PURPOSE = databases.Purpose("ledger", "SHOPREC_LEDGER")
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
    return databases.address_of(url, _PURPOSE)


def open_database(address: URL) -> Engine:
    return databases.open_database(address, _PURPOSE, BUSY_S)
