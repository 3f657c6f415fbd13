"""What a check found."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from flows.settings import Settings
from tasks.errors import ShoprecError

Outcome = Literal["ok", "warn", "fail", "not possible"]
AS_TOLD = "do what it says"


@dataclass(frozen=True)
class Finding:
    name: str
    outcome: Outcome
    found: str
    mend: str = ""
    """What to do; empty where there is nothing to do."""


def ok(name: str, found: str) -> Finding:
    return Finding(name, "ok", found)


def warn(name: str, found: str, mend: str) -> Finding:
    """A run works, but not as it could."""
    return Finding(name, "warn", found, mend)


def fail(name: str, found: str, mend: str) -> Finding:
    """A run would stop, or what serves is at risk."""
    return Finding(name, "fail", found, mend)


def not_possible(name: str, found: str) -> Finding:
    """It cannot be told here, which is nobody's fault."""
    return Finding(name, "not possible", found)


def guarded(name: str, check: Callable[[Settings], list[Finding]], settings: Settings) -> list[Finding]:
    """What the check found; a fault that it did not expect is a finding, so that the next one is made all the same."""
    try:
        return check(settings)
    except (ShoprecError, OSError) as error:
        return [fail(name, str(error), AS_TOLD)]
