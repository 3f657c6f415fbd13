"""The database publication: rows and the switch to them in one transaction, so that readers see all of it or none."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Integer, Table, column, delete, event, func, insert, inspect, select, table, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from tasks.databases import Purpose, address_of, open_database, rows_of
from tasks.errors import ShoprecError, TransientError
from tasks.publication.about import COLD as COLD_LIST
from tasks.publication.about import About
from tasks.publication.loading import load
from tasks.publication.tables import ABOUT, CHANGES, COLD, PUBLICATIONS, RECOMMENDATIONS, lists_of_kind
from tasks.schema import ITEM, USER

BUSY_S = 30.0
"""How long another writer of a SQLite file is waited for."""
_PURPOSE = Purpose("publications", "SHOPREC_PUBLICATIONS")
_ALONE = (
    "Let one machine alone publish there, or name another database in SHOPREC_PUBLICATIONS; then run `shoprec publish`"
    " again, which takes the next number"
)
_T = PUBLICATIONS.c


@dataclass(frozen=True)
class Published:
    """A row of the table `publications`."""

    id: int
    version: int
    published_at: datetime
    as_of: datetime
    k: int
    users: int
    fingerprint: str
    state: str
    """current; previous: one can go back to it; withdrawn: gone back from; dropped: its lists are deleted."""

    def is_told_by(self, about: About) -> bool:
        """Not so where another machine, whose files are elsewhere, took the same number in this database."""
        facts = self.id, self.fingerprint, self.published_at
        return facts == (about.id, about.fingerprint, about.published_at)


@dataclass(frozen=True)
class Change:
    """A row of `publication_changes`, which only grows."""

    number: int
    at: datetime
    who: str
    action: str
    """publish or back."""
    publication_id: int
    """What readers read since then."""
    replaced: int | None
    why: str


class PublicationDatabase:
    """Opens the database at `url`, as SQLAlchemy writes addresses; the first publication makes its tables.

    Every method raises TransientError where the database is locked or does not answer.
    """

    def __init__(self, url: str) -> None:
        address = address_of(url, _PURPOSE)
        self.name = address.render_as_string(hide_password=True)
        self._engine = open_database(address, _PURPOSE, BUSY_S)
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _let_readers_read_meanwhile)

    def publications(self) -> list[Published]:
        """All that there ever were, the oldest first."""
        return [_published(row) for row in self._rows(PUBLICATIONS, "id")]

    def changes(self) -> list[Change]:
        """The oldest first."""
        return [Change(**_in_utc(row)) for row in self._rows(CHANGES, "number")]

    def current(self) -> Published | None:
        return next((one for one in self.publications() if one.state == "current"), None)

    def publish(self, about: About, folder: Path, who: str, why: str) -> None:
        """Loads the files of `folder` and switches readers to them; a second time it does nothing.

        Raises ShoprecError where another publication has the same number, or was written at the same time.
        """
        lists = lists_of_kind(about.user_ids, about.item_ids)
        rows, cold = lists.tables[RECOMMENDATIONS], lists.tables[COLD]
        with self._faults(), self._engine.begin() as connection:
            ABOUT.create_all(connection)
            if taken := connection.execute(select(PUBLICATIONS).where(_T.id == about.id)).mappings().first():
                self._refuse_another(_published(taken), about)
                return  # the answer to an earlier try was lost
            lists.create_all(connection)
            self._refuse_ids_of_another_kind(connection, rows)
            for task in about.tasks:
                load(connection, rows, about.id, folder / f"{task}.parquet")
            load(connection, cold, about.id, folder / f"{COLD_LIST}.parquet")
            before = connection.execute(select(_T.id).where(_T.state == "current")).scalar()
            connection.execute(update(PUBLICATIONS).where(_T.state == "current").values(state="previous"))
            facts = {known.name: getattr(about, known.name) for known in _T if known.name != "state"}
            connection.execute(insert(PUBLICATIONS), facts | {"state": "current"})
            _note(connection, who, "publish", about.id, before, why)

    def go_back(self, to: int, who: str, why: str) -> None:
        """Switches readers to an earlier publication, `to`; the current one is withdrawn."""
        with self._faults(), self._engine.begin() as connection:
            before = connection.execute(select(_T.id).where(_T.state == "current")).scalar()
            connection.execute(update(PUBLICATIONS).where(_T.state == "current").values(state="withdrawn"))
            done = connection.execute(
                update(PUBLICATIONS).where(_T.id == to, _T.state == "previous").values(state="current")
            )
            if done.rowcount != 1:
                raise ShoprecError(f"publication {to} is none that one can go back to; nothing was changed")
            _note(connection, who, "back", to, before, why)

    def drop_old(self, keep: int) -> list[int]:
        """Deletes the lists of all but the `keep` newest publications and the current one; returns which are deleted.

        What is known of them stays: that a publication was withdrawn is not forgotten.
        """
        old = [one for one in self.publications()[:-keep] if one.state in ("previous", "withdrawn")]
        with self._faults(), self._engine.begin() as connection:
            for name in (RECOMMENDATIONS, COLD) if old else ():
                number = column("publication_id", Integer)
                connection.execute(delete(table(name, number)).where(number.in_([one.id for one in old])))
            ended = [one.id for one in old if one.state == "previous"]
            connection.execute(update(PUBLICATIONS).where(_T.id.in_(ended)).values(state="dropped"))
        return [one.id for one in old]

    def _refuse_another(self, taken: Published, about: About) -> None:
        if not taken.is_told_by(about):
            raise ShoprecError(
                f"publication {taken.id} at {self.name} is another one, of version {taken.version}, published"
                f" {taken.published_at:%Y-%m-%d %H:%M:%S} UTC: another machine or project publishes there, too; nothing"
                f" was published here. {_ALONE}"
            )

    def _refuse_ids_of_another_kind(self, connection: Connection, wanted: Table) -> None:
        types = {found["name"]: found["type"] for found in inspect(connection).get_columns(wanted.name)}
        for name in (USER, ITEM):
            if isinstance(types[name], Integer) != isinstance(wanted.c[name].type, Integer):
                raise ShoprecError(
                    f"the table {wanted.name} at {self.name} has {name} of type {types[name]}, and the shop's are"
                    f" {wanted.c[name].type} now: drop the tables there, or name another database in"
                    f" {_PURPOSE.variable}"
                )

    def _rows(self, of: Table, order: str) -> list[dict[str, Any]]:
        with self._faults():
            return rows_of(self._engine, of, order)

    @contextmanager
    def _faults(self) -> Generator[None, None, None]:
        try:
            yield
        except OperationalError as error:
            raise TransientError(
                f"the publications at {self.name} could not be used: {_first_line(error)}; see that the database runs,"
                " that no other program holds it and that its disk is not full, then run again: readers go on reading"
                " what they read before"
            ) from error
        except IntegrityError as error:
            raise ShoprecError(
                f"the publications at {self.name} clash with what was to be written: {_first_line(error)}; another"
                f" machine or program wrote there at the same time; nothing was changed here. {_ALONE}"
            ) from error
        except DBAPIError as error:
            raise ShoprecError(
                f"the publications at {self.name} were refused: {_first_line(error)}; see that {_PURPOSE.variable}"
                " names the right database, and that the user may make tables there"
            ) from error


def _note(connection: Connection, who: str, action: str, publication: int, replaced: int | None, why: str) -> None:
    last = connection.execute(select(func.max(CHANGES.c.number))).scalar() or 0
    change = Change(last + 1, datetime.now(UTC), who, action, publication, replaced, why)
    connection.execute(insert(CHANGES), vars(change))


def _let_readers_read_meanwhile(connection: Any, _record: object) -> None:
    """They see the file as it was before a transaction that is under way, however long that takes."""
    connection.execute("PRAGMA journal_mode = WAL")


def _published(row: Mapping[Any, Any]) -> Published:
    return Published(**_in_utc(row))


def _in_utc(row: Mapping[Any, Any]) -> dict[str, Any]:
    """SQLite keeps no zone; what is written there is UTC."""
    times = {name: value for name, value in row.items() if isinstance(value, datetime)}
    zoned = {name: t.astimezone(UTC) if t.tzinfo else t.replace(tzinfo=UTC) for name, t in times.items()}
    return {**row, **zoned}


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().partition("\n")[0]
