"""Folders and SQLite files, tried: by a probe that is taken away, and by a lock that is given back."""

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

_WAIT_S = 2.0
"""For another writer of a SQLite file; its writes take less."""


def why_not_writable(folder: Path) -> str | None:
    """Why nothing can be written into the folder, or where it would be made; None: it can."""
    place = next(path for path in (folder, *folder.absolute().parents) if path.exists() or path.is_symlink())
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".shoprec-doctor-") as probe:
            probe.write(b"probe")
            probe.flush()
    except OSError as error:
        return f"{place}: {error.strerror}"
    return None


def why_not_usable(database: Path, table: str) -> str | None:
    """Why the SQLite file cannot be written, or is not one that has the table; None: it is, and can.

    The lock that a write takes is taken and given back; nothing is written.
    """
    address = f"{database.absolute().as_uri()}?mode=rw"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=_WAIT_S, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [table]).fetchone()
            connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        return str(error)
    return None if found else f"it has no table {table}"
