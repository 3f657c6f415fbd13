"""One retrain, refresh or look of the monitor at a time in a project: they would write the same folders."""

from contextlib import AbstractContextManager, suppress
from datetime import datetime
from pathlib import Path

import psutil

from tasks.errors import ShoprecError
from tasks.lock_file import Holder, holder_of, locked

_LOCK = "retrain"


def only_retrain(var: Path, reason: str, wait_minutes: int = 0) -> AbstractContextManager[None]:
    """Also for a refresh and the monitor. Raises ShoprecError, naming who is at work, where somebody still is."""

    def busy(holder: str) -> ShoprecError:
        waited = f", and did not end in {wait_minutes} minutes" if wait_minutes else ""
        return ShoprecError(
            f"{holder} retrains or refreshes in {var.parent} already{waited}: wait for it to end, or stop it"
        )

    return locked(var / _LOCK, reason, busy, wait_s=60.0 * wait_minutes)


def who_retrains(var: Path) -> Holder | None:
    """By the note that it leaves; the lock is not touched, so nobody is kept from taking it."""
    holder = holder_of(var / _LOCK)
    return holder if holder and _is_at_work(holder) else None


def killed_retrain(var: Path) -> Holder | None:
    """Who left its note behind, which only one that was killed does."""
    holder = holder_of(var / _LOCK)
    return None if holder is None or _is_at_work(holder) else holder


def _is_at_work(holder: Holder) -> bool:
    """A process of that number that began later is another one."""
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(holder.pid).create_time() <= datetime.fromisoformat(holder.since).timestamp() + 1
    return False
