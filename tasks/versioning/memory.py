"""What a program and all its children hold together, watched while they run."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Thread

import psutil

_EVERY_S = 0.1
_OF_ITS_TIME = 0.03
"""To add the pages of large programs up takes long, and takes it from them."""
_MIB = 2**20


@dataclass
class Peak:
    mib: float = 0.0
    """The highest sum seen so far. A page that processes share counts once on Linux, in each of them elsewhere."""


@contextmanager
def watched_memory(pid: int) -> Iterator[Peak]:
    """Looks up to ten times a second at the process and all below it; a spike between two looks is missed."""
    peak, over = Peak(), Event()

    def watch() -> None:
        while True:
            begun = time.monotonic()
            peak.mib = max(peak.mib, _held_mib(pid))
            if over.wait(max(_EVERY_S, (time.monotonic() - begun) / _OF_ITS_TIME)):
                return

    watcher = Thread(target=watch, name=f"memory of {pid}", daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()


def _held_mib(pid: int) -> float:
    with suppress(psutil.Error):
        root = psutil.Process(pid)
        return sum(_of_one(process) for process in [root, *root.children(recursive=True)]) / _MIB
    return 0.0


def _of_one(process: psutil.Process) -> int:
    with suppress(psutil.Error):  # it has just ended
        return process.memory_full_info().pss if sys.platform == "linux" else process.memory_info().rss
    return 0
