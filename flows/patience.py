"""Trying again what may pass, as Prefect does for the tasks of a flow."""

import time
from collections.abc import Callable
from typing import TypeVar

from tasks.errors import TransientError
from tasks.versioning.process import OnLine

WAITS_S = (2.0, 10.0, 30.0)
T = TypeVar("T")


def patiently(action: Callable[[], T], on_line: OnLine) -> T:
    """Raises the last TransientError where no try went well; any other error at once."""
    for wait in WAITS_S:
        try:
            return action()
        except TransientError as error:
            on_line(f"{error}; tried again in {wait:g} s")
            time.sleep(wait)
    return action()
