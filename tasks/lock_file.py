"""A lock that one process has at a time, with a note beside it that says who."""

import json
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from tasks.errors import ShoprecError


@dataclass(frozen=True)
class Holder:
    pid: int
    since: str
    """UTC, ISO 8601."""
    reason: str


@contextmanager
def locked(
    path: Path, what_for: str, busy: Callable[[str], ShoprecError], wait_s: float = 0
) -> Generator[None, None, None]:
    """Holds `path` with `.lock` behind its name. Raises what `busy` makes of the holder, where another keeps it.

    The operating system holds the lock for the process, so one that was killed holds none.
    """
    note, lock = _beside(path, ".json"), FileLock(_beside(path, ".lock"), timeout=wait_s)
    try:
        with _writable(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire()
    except Timeout as error:
        raise busy(_told(holder_of(path))) from error
    try:
        with _writable(path):
            holder = Holder(os.getpid(), datetime.now(UTC).isoformat(timespec="seconds"), what_for)
            note.write_text(json.dumps(asdict(holder)), encoding="utf-8")
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def holder_of(path: Path) -> Holder | None:
    """Who has the lock `path` or was killed while it had it, by the note; the lock itself is not touched."""
    try:
        return Holder(**json.loads(_beside(path, ".json").read_text(encoding="utf-8")))
    except (FileNotFoundError, json.JSONDecodeError, TypeError):  # it took the lock this instant
        return None


@contextmanager
def _writable(path: Path) -> Generator[None, None, None]:
    try:
        yield
    except Timeout:  # an OSError, too
        raise
    except PermissionError as error:
        raise ShoprecError(f"{error.filename} may not be written by this user: run as the one who owns it") from error
    except OSError as error:
        raise ShoprecError(
            f"{error.filename or path} cannot be written ({error.strerror}): see that its disk is mounted, writable and"
            " not full, and that nothing stands in its place"
        ) from error


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _told(holder: Holder | None) -> str:
    if holder is None:
        return "another process"
    return f"process {holder.pid} (since {holder.since}, {holder.reason})"
