"""One retrain at a time in a project: they would write the same folders."""

import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from tasks.errors import ShoprecError


@contextmanager
def only_retrain(var: Path, reason: str) -> Generator[None, None, None]:
    """Raises ShoprecError, naming who retrains, where somebody does already.

    The operating system holds the lock for the process, so one that was killed holds none.
    """
    var.mkdir(parents=True, exist_ok=True)
    note = var / "retrain.json"
    lock = FileLock(var / "retrain.lock", blocking=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise ShoprecError(f"{_who(note)} retrains in {var.parent} already: wait for it to end, or stop it") from error
    try:
        holder = {"pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds"), "reason": reason}
        note.write_text(json.dumps(holder), encoding="utf-8")
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def _who(note: Path) -> str:
    try:
        holder = json.loads(note.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):  # it took the lock this instant
        return "another process"
    return f"process {holder['pid']} (since {holder['since']}, {holder['reason']})"
