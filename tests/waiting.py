"""Waiting for another process, for a while and no longer."""

import os
import time
from collections.abc import Callable
from pathlib import Path


def wait_for_text(path: Path, seconds: float = 120, holding: str = "") -> str:
    """What `path` holds, as soon as it is there and holds anything, `holding` among it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if path.exists() and (text := path.read_text()) and holding in text:
            return text
        time.sleep(0.05)
    raise AssertionError(f"{path} had no {holding or 'text'!r} in it after {seconds} s")


def wait_until_gone(pid: int, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError(f"process {pid} is still there after {seconds} s")


def wait_until(holds: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"it did not come about in {seconds} s"
        time.sleep(0.05)
