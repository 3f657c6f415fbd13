"""Child processes whose output is watched line by line, and which leave nothing behind when they are stopped."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Timer

from tasks.errors import ShoprecError
from tasks.stage import EXIT_CODES, INTERRUPTED
from tasks.versioning import leash
from tasks.versioning.memory import watched_memory

OnLine = Callable[[str], None]


@dataclass(frozen=True)
class Finished:
    code: int
    """Exit code; negative: ended by that signal."""
    lines: tuple[str, ...]
    """Standard output and standard error, in the order in which they came."""
    seconds: float
    peak_mib: float
    """Of the child and all below it together, see `watched_memory`."""


class Children:
    """Child processes that several threads wait for, and that one call ends: Ctrl-C reaches the main thread only."""

    def __init__(self) -> None:
        self._lock, self._at_work, self._ended = Lock(), set[subprocess.Popen[str]](), False

    @contextmanager
    def having(self, child: subprocess.Popen[str]) -> Iterator[None]:
        with self._lock:
            self._at_work.add(child)
            ended = self._ended
        if ended:
            _end(child)
        try:
            yield
        finally:
            with self._lock:
                self._at_work.remove(child)

    def end(self) -> None:
        """With all their children; one that is started later is ended as it starts."""
        with self._lock:
            self._ended, at_work = True, [child for child in self._at_work if child.returncode is None]
        for child in at_work:  # all of them are told before one is waited for
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)
        for child in at_work:
            _end(child)


def run_module(
    module: str,
    arguments: Sequence[str],
    cwd: Path,
    on_line: OnLine,
    env: dict[str, str],
    limit_s: float | None = None,
    children: Children | None = None,
) -> Finished:
    """Runs `python -m module arguments` in `cwd`; each line of output goes to `on_line` as it comes.

    Whatever ends the wait early (Ctrl-C, a cancelled run) ends the child with all its children first. One that is at
    work after `limit_s` is killed. It is one of `children` while it works.
    """
    command = [sys.executable, "-P", leash.__file__, str(os.getpid()), module, *arguments]
    started = time.monotonic()
    child = subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    lines: list[str] = []
    try:
        with watched_memory(child.pid) as peak, _killed_after(child, limit_s), (children or Children()).having(child):
            assert child.stdout is not None
            for line in child.stdout:
                lines.append(line.rstrip())
                on_line(lines[-1])
            code = child.wait()
    finally:
        if child.returncode is None:
            _end(child)
        if child.stdout is not None:
            child.stdout.close()
    return Finished(code, tuple(lines), time.monotonic() - started, peak.mib)


@contextmanager
def _killed_after(child: subprocess.Popen[str], limit_s: float | None) -> Iterator[None]:
    if limit_s is None:
        yield
        return
    timer = Timer(limit_s, _kill, [child])
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _kill(child: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def _end(child: subprocess.Popen[str]) -> None:
    """Ends the child's whole process group: DVC's own child would otherwise go on and write its output."""
    try:
        os.killpg(child.pid, signal.SIGTERM)
        child.wait(timeout=10)
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        child.wait()
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def error_of(code: int, words: str) -> ShoprecError:
    """What an entry (`tasks/stage.py`) raised, told by its exit code; a shell adds 128 to the signal that ended it."""
    ended_by = -code if code < 0 else code - 128
    if ended_by > 0 and code != INTERRUPTED:
        words = f"{words}\nended by signal {ended_by}{' (out of memory?)' * (ended_by == signal.SIGKILL)}"
    return next((kind for kind, exits in EXIT_CODES.items() if exits == code), ShoprecError)(words.strip())
