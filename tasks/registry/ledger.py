"""The ledger: every change of stage, in a table that only grows, on SQLite or PostgreSQL."""

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.exc import DBAPIError, OperationalError

from tasks.databases import rows_of
from tasks.errors import ShoprecError, TransientError
from tasks.registry.entries import Change, Entry, State, digest_of, entry_of, row_of
from tasks.registry.exclusive import exclusive
from tasks.registry.ledger_table import METADATA, TABLE, address_of, open_database

WAIT_S = 5.0
"""For another change to end: one takes less than a second."""


@dataclass(frozen=True)
class Misfit:
    """An entry that is not as it was written."""

    number: int
    why: str


class Ledger:
    """Opens the ledger at `url`, as SQLAlchemy writes addresses; the first entry makes its table.

    Every method raises TransientError where the database is locked or does not answer. `wait_s`: how long another
    change is waited for.
    """

    def __init__(self, url: str, wait_s: float = WAIT_S) -> None:
        address = address_of(url)
        self._wait_s = wait_s
        self.name = address.render_as_string(hide_password=True)
        self._engine = open_database(address)

    def append(self, state: State, change: Change, ends: int | None = None) -> Entry:
        """To be called by who has the ledger exclusively."""
        with self._faults(), self._engine.begin() as connection:
            METADATA.create_all(connection)
            last = connection.execute(select(TABLE).order_by(TABLE.c.number.desc()).limit(1)).mappings().first()
            number, before = (last["number"] + 1, last["digest"]) if last else (1, "")
            at = datetime.now(UTC).isoformat(timespec="microseconds")
            row = row_of(number, at, state, ends, change, before)
            connection.execute(insert(TABLE), row)
        return entry_of(row)

    def entries(self) -> list[Entry]:
        """All, the oldest first."""
        return [entry_of(row) for row in self._rows()]

    def check(self) -> Misfit | None:
        """The first entry that was changed, or before which one is missing.

        Entries cut off the end leave no trace in the ledger itself; see `Stages.check` for those.
        """
        before = ""
        for number, row in enumerate(self._rows(), start=1):
            if row["number"] != number:
                return Misfit(row["number"], f"entry {number} is missing before it")
            if row["digest"] != digest_of(row, before):
                return Misfit(number, "it is not what was written: its digest does not fit")
            before = row["digest"]
        return None

    def exclusive(self, who: str) -> AbstractContextManager[None]:
        """For one change from its beginning to its end; see `tasks.registry.exclusive`."""
        return exclusive(self._engine, who, self._wait_s)

    def _rows(self) -> list[dict[str, Any]]:
        with self._faults():
            return rows_of(self._engine, TABLE, "number")

    @contextmanager
    def _faults(self) -> Generator[None, None, None]:
        try:
            yield
        except OperationalError as error:
            raise TransientError(
                f"the ledger at {self.name} could not be used: {error.orig}; see that no other program holds it and"
                " that its disk can be written, then run again: what was begun is brought to its end"
            ) from error
        except DBAPIError as error:
            raise ShoprecError(
                f"the ledger at {self.name} refused: {error.orig}; see that SHOPREC_LEDGER names the right database"
            ) from error
