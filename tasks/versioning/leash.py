"""Runs a Python module as a child that does not outlive its parent, whatever becomes of that: also `kill -9`.

    python -P leash.py PARENT_PID MODULE [ARGUMENT ...]

A stage that went on after its flow was killed would keep DVC's lock, and write where the next run writes. Where the
system has no parent-death signal (other than Linux) the child finishes by itself, and the next run is told 'busy'.
"""

import ctypes
import os
import runpy
import signal
import sys
from types import FrameType

_PR_SET_PDEATHSIG = 1


def _end_the_whole_group(_signal: int, _frame: FrameType | None) -> None:
    os.killpg(0, signal.SIGKILL)


def main(parent: int, module: str) -> None:
    signal.signal(signal.SIGTERM, _end_the_whole_group)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before we asked
            sys.exit(1)
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _, _parent, _module, *_arguments = sys.argv
    sys.argv[:] = [_module, *_arguments]
    main(int(_parent), _module)
