"""The steps of the job one by one, by the command lines of `dvc.yaml`, in a scratch project, with what each took."""

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import yaml

from tasks.versioning.graph import shapes, stage_order
from tasks.versioning.memory import Peak, watched_memory
from tests.benchmarks.peers.process import Took

FETCH = "fetch"
_FETCH = "python -m flows.landing --params params.yaml --raw data/raw --profile data/valid/profile.json"
_LOOK_S = 0.1


class TooMuchMemoryError(Exception):
    """A step held more than it may."""


def steps(code: Path) -> dict[str, list[str]]:
    """Name to command line, in the order in which a retrain runs them; fetch first."""
    known = shapes(code / "dvc.yaml")
    told = {FETCH: _FETCH} | {name: str(known[name].command) for name in stage_order(code / "dvc.yaml")}
    return {name: [sys.executable, *shlex.split(command)[1:]] for name, command in told.items()}


def lay_out(project: Path, code: Path, changed: Mapping[str, Any]) -> None:
    """`project` with the suites and the params of `code`, some sections of the params `changed`."""
    project.mkdir(parents=True, exist_ok=True)
    shutil.copytree(code / "expectations", project / "expectations", dirs_exist_ok=True)
    params = yaml.safe_load((code / "params.yaml").read_text(encoding="utf-8"))
    (project / "params.yaml").write_text(yaml.safe_dump(params | dict(changed)), encoding="utf-8")


def run_step(command: Sequence[str], project: Path, code: Path, log: Path, most_mib: float = float("inf")) -> Took:
    """Runs in `project` what `code` has. Processor seconds and memory are those of the whole process tree.

    Raises CalledProcessError where it fails, and TooMuchMemoryError where it was ended as it held more than `most_mib`.
    """
    # Threads that wait let others work: on a shared machine those that spin count as processor seconds.
    environment = {**os.environ, "PYTHONPATH": str(code), "OMP_WAIT_POLICY": "PASSIVE"}
    begun = time.perf_counter()
    with log.open("w", encoding="utf-8") as out:
        job = psutil.Popen(command, cwd=project, stdout=out, stderr=out, env=environment)
        try:
            with watched_memory(job.pid) as peak:
                code_of_exit, cpu_s = _ended(job, peak, most_mib)
        except BaseException:
            _kill(job)
            raise
    seconds = time.perf_counter() - begun
    if code_of_exit:
        sys.stderr.write(log.read_text(encoding="utf-8"))
        raise subprocess.CalledProcessError(code_of_exit, list(command))
    return Took(seconds, cpu_s, peak.mib)


def _ended(job: psutil.Popen, peak: Peak, most_mib: float) -> tuple[int, float]:
    """Its exit code and the processor seconds of all processes: those that it never waited for are in no total."""
    seen: dict[psutil.Process, float] = {}
    while True:
        with contextlib.suppress(psutil.Error):
            for process in (psutil.Process(job.pid), *job.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    times = process.cpu_times()
                    seen[process] = times.user + times.system
        if peak.mib > most_mib:
            raise TooMuchMemoryError(f"{peak.mib:,.0f} MiB of {most_mib:,.0f}")
        ended, status, used = os.wait4(job.pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status), max(sum(seen.values()), used.ru_utime + used.ru_stime)
        time.sleep(_LOOK_S)


def _kill(job: psutil.Popen) -> None:
    with contextlib.suppress(psutil.Error):
        for process in (*job.children(recursive=True), job):
            with contextlib.suppress(psutil.Error):
                process.kill()
    with contextlib.suppress(ChildProcessError):
        os.waitpid(job.pid, 0)
