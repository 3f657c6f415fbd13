"""Runs a Python module as a child that does not outlive its parent, whatever becomes of that: also `kill -9`.

    python -P leash.py PARENT_PID PEAK_FD MODULE [ARGUMENT ...]

Before it ends it writes its peak memory, in KiB, to the file descriptor PEAK_FD.

A stage that went on after its flow was killed would keep DVC's lock, and write where the next run writes. Where the
system has no parent-death signal (other than Linux) the child finishes by itself, and the next run is told 'busy'.
"""

import atexit
import ctypes
import os
import resource
import runpy
import signal
import sys
from pathlib import Path
from types import FrameType

_PR_SET_PDEATHSIG = 1


def _end_the_whole_group(_signal: int, _frame: FrameType | None) -> None:
    os.killpg(0, signal.SIGKILL)


def _tell_peak(fd: int) -> None:
    os.write(fd, str(max(_own_peak_kib(), _kib(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))).encode())


def _own_peak_kib() -> int:
    """Since this program began: Linux's `ru_maxrss` still counts what the parent held when it started us."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1])
    return _kib(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _kib(maxrss: int) -> int:
    return maxrss if sys.platform == "linux" else maxrss // 1024  # macOS counts bytes


def main(parent: int, peak_fd: int, module: str) -> None:
    os.set_inheritable(peak_fd, False)
    atexit.register(_tell_peak, peak_fd)
    signal.signal(signal.SIGTERM, _end_the_whole_group)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before we asked
            sys.exit(1)
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _, _parent, _fd, _module, *_arguments = sys.argv
    sys.argv[:] = [_module, *_arguments]
    main(int(_parent), int(_fd), _module)
