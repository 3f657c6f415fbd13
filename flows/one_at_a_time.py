"""One retrain or refresh at a time in a project: they would write the same folders."""

from contextlib import AbstractContextManager
from pathlib import Path

from tasks.errors import ShoprecError
from tasks.lock_file import locked


def only_retrain(var: Path, reason: str) -> AbstractContextManager[None]:
    """Also for a refresh. Raises ShoprecError, naming who is at work, where somebody is already."""

    def busy(holder: str) -> ShoprecError:
        return ShoprecError(f"{holder} retrains or refreshes in {var.parent} already: wait for it to end, or stop it")

    return locked(var / "retrain", reason, busy)
