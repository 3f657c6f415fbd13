"""Every look that was taken, in a small database: `var/monitoring.db`, a row a look and measure."""

from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
    Integer,
    MetaData,
    Table,
    Text,
    create_engine,
    insert,
    select,
    update,
)
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from tasks.errors import TransientError
from tasks.monitoring.found import Found
from tasks.monitoring.look import Look

FILE = "monitoring.db"
METADATA = MetaData()
TABLE = Table(
    "looks",
    METADATA,
    Column("look", Text, primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("champion", Integer, nullable=False),
    Column("learned", Integer, nullable=False),
    Column("known", Text, nullable=False),
    Column("start", Text, nullable=False),
    Column("end", Text, nullable=False),
    Column("measure", Text, nullable=False),
    Column("group", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("says", Text, nullable=False),
    Column("value", Float),
    Column("bound", Float),
    Column("usual", Float),
    Column("low", Float),
    Column("high", Float),
    Column("told", Boolean, nullable=False),
)
"""`look`: its digest. `told`: whether an event was emitted for the breach."""
_OF_FOUND = ("measure", "group", "says", "status", "value", "bound", "usual", "low", "high")


@dataclass(frozen=True)
class History:
    """Every method raises TransientError where the database is locked or cannot be written."""

    path: Path

    def look(self, digest: str) -> Look | None:
        with self._connected() as connection:
            query = select(TABLE).where(TABLE.c.look == digest).order_by(TABLE.c.place)
            rows = connection.execute(query).mappings().all()
        return _look_of(rows) if rows else None

    def looks(self) -> list[Look]:
        """All, by the end of their week; of one week, as they were taken."""
        with self._connected() as connection:
            rows = connection.execute(select(TABLE)).mappings().all()
        by_look: dict[str, list[Any]] = {}
        for row in rows:
            by_look.setdefault(row["look"], []).append(row)
        return sorted((_look_of(found) for found in by_look.values()), key=lambda look: look.end)

    def add(self, digest: str, look: Look) -> None:
        """All of it or nothing."""
        of_look = {"look": digest, "champion": look.champion, "learned": look.learned, "told": False}
        of_look |= {name: getattr(look, name).isoformat() for name in ("known", "start", "end")}
        rows = [
            of_look | {"place": place} | {name: getattr(found, name) for name in _OF_FOUND}
            for place, found in enumerate(look.found)
        ]
        with self._connected() as connection:
            connection.execute(insert(TABLE), rows)

    def told(self, learned: int, since: datetime) -> set[str]:
        """The measures of that ranker whose breach was told, of weeks that end after `since`."""
        with self._connected() as connection:
            query = select(TABLE.c.measure, TABLE.c.end).where(TABLE.c.learned == learned, TABLE.c.told)
            found = connection.execute(query).all()
        return {measure for measure, end in found if datetime.fromisoformat(end) > since}

    def mark_told(self, digest: str, measures: Iterable[str]) -> None:
        with self._connected() as connection:
            these = (TABLE.c.look == digest) & TABLE.c.measure.in_(list(measures))
            connection.execute(update(TABLE).where(these).values(told=True))

    @contextmanager
    def _connected(self) -> Any:
        """A transaction."""
        engine = create_engine(f"sqlite:///{self.path}", poolclass=NullPool)
        try:
            with engine.begin() as connection:
                _make_table(connection)
                yield connection
        except OperationalError as error:
            raise TransientError(
                f"{self.path} could not be used: {error.orig}; see that no other program holds it and that its disk can"
                " be written, then run again"
            ) from error


def _make_table(connection: Connection) -> None:
    METADATA.create_all(connection)


def _look_of(rows: Iterable[Any]) -> Look:
    rows = sorted(rows, key=lambda row: row["place"])
    found = tuple(Found(**{name: row[name] for name in _OF_FOUND}) for row in rows)
    known, start, end = (datetime.fromisoformat(rows[0][name]) for name in ("known", "start", "end"))
    return Look(rows[0]["champion"], rows[0]["learned"], known, start, end, found)
