"""A lock that one process has at a time, with a note beside it that says who."""

import json
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from tasks.errors import ShoprecError


@contextmanager
def locked(
    path: Path, what_for: str, busy: Callable[[str], ShoprecError], wait_s: float = 0
) -> Generator[None, None, None]:
    """Holds `path` with `.lock` behind its name. Raises what `busy` makes of the holder, where another keeps it.

    The operating system holds the lock for the process, so one that was killed holds none.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    note, lock = _beside(path, ".json"), FileLock(_beside(path, ".lock"), timeout=wait_s)
    try:
        lock.acquire()
    except Timeout as error:
        raise busy(_who(note)) from error
    except PermissionError as error:
        raise ShoprecError(f"{error.filename} may not be written by this user: run as the one who owns it") from error
    try:
        holder = {"pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds"), "reason": what_for}
        note.write_text(json.dumps(holder), encoding="utf-8")
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _who(note: Path) -> str:
    try:
        holder = json.loads(note.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):  # it took the lock this instant
        return "another process"
    return f"process {holder['pid']} (since {holder['since']}, {holder['reason']})"
