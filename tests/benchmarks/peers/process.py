"""A command in a process of its own, with what it took."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

COST = "cost.json"


@dataclass(frozen=True)
class Cost:
    """Of both tasks together."""

    fit_s: float
    fit_cpu_s: float
    recommend_s: float
    recommend_cpu_s: float
    peak_mib: float
    """The most that one process had resident."""

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        return cls(**json.loads(path.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Took:
    seconds: float
    cpu_s: float
    peak_mib: float

    @classmethod
    def load(cls, path: Path) -> Self:
        return cls(**json.loads(path.read_text(encoding="utf-8")))


def run(command: Sequence[str | Path], log: Path, **environment: str) -> Took:
    """Raises CalledProcessError where it fails, after what it said went to stderr."""
    begun = time.perf_counter()
    with log.open("w", encoding="utf-8") as out:
        job = subprocess.Popen([str(part) for part in command], stdout=out, stderr=out, env=_environment(environment))
        try:
            _, status, used = os.wait4(job.pid, 0)
        except BaseException:
            job.kill()
            raise
    job.returncode = os.waitstatus_to_exitcode(status)
    if job.returncode:
        sys.stderr.write(log.read_text(encoding="utf-8"))
        raise subprocess.CalledProcessError(job.returncode, [str(part) for part in command])
    return Took(time.perf_counter() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def _environment(changed: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, "OPENBLAS_NUM_THREADS": "2", "PYTHONPATH": str(Path.cwd()), **changed}
