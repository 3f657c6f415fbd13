"""A command in a process of its own, with what it took."""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import psutil

from tasks.versioning.memory import watched_memory

COST = "cost.json"
_SAMPLE_S = 0.05


@dataclass(frozen=True)
class _Kept:
    """Numbers that stay in a file."""

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        return cls(**json.loads(path.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Cost(_Kept):
    """Of both tasks together."""

    fit_s: float
    fit_cpu_s: float
    recommend_s: float
    recommend_cpu_s: float
    peak_mib: float
    """The most that a process was seen to hold, with all below it."""


@dataclass(frozen=True)
class Took(_Kept):
    seconds: float
    cpu_s: float
    peak_mib: float


def run(command: Sequence[str | Path], log: Path, **environment: str) -> Took:
    """Raises CalledProcessError where it fails, after what it said went to stderr."""
    begun = time.perf_counter()
    with log.open("w", encoding="utf-8") as out:
        job = psutil.Popen([str(part) for part in command], stdout=out, stderr=out, env=_environment(environment))
        try:
            with watched_memory(job.pid) as peak:
                status, used = _ended(job)
        except BaseException:
            job.kill()
            raise
    code = os.waitstatus_to_exitcode(status)
    if code:
        sys.stderr.write(log.read_text(encoding="utf-8"))
        raise subprocess.CalledProcessError(code, [str(part) for part in command])
    return Took(time.perf_counter() - begun, used.ru_utime + used.ru_stime, peak.mib)


def _ended(job: psutil.Popen) -> tuple[int, resource.struct_rusage]:
    """Its status and what it used."""
    while True:
        ended, status, used = os.wait4(job.pid, os.WNOHANG)
        if ended:
            return status, used
        time.sleep(_SAMPLE_S)


def _environment(changed: Mapping[str, str]) -> dict[str, str]:
    """Threads that wait let others work: on a shared machine those that spin count as processor seconds."""
    own = {"OPENBLAS_NUM_THREADS": "2", "OMP_WAIT_POLICY": "PASSIVE", "PYTHONPATH": str(Path.cwd())}
    return {**os.environ, **own, **changed}
