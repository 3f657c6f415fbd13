"""Times the main job from raw data to registered version, nothing cached, against another revision in the same session.

    python -m tests.benchmarks.whole_job --runs 3 --against HEAD~1

Every run has a fresh checkout. The two revisions take turns, so that a machine whose speed drifts is fair to both.
Prints wall seconds, the memory of all processes of a run together at its highest, and NDCG@10, each as
minimum / median / maximum; and the ratios of time and memory, run by run.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from tests.benchmarks.checkouts import check_out
from tests.benchmarks.ratios import ratios, spread

_SAMPLE_S = 0.2
_MIB = 2**20


@dataclass(frozen=True)
class Run:
    seconds: float
    peak_mib: float
    """Resident memory of the job's whole process tree, sampled; pages that processes share count in each."""
    ndcg: dict[str, float]


def main() -> None:
    arguments = _parse()
    revisions = [arguments.revision, *([arguments.against] if arguments.against else [])]
    found: dict[str, list[Run]] = {revision: [] for revision in revisions}
    console = Console()
    for turn in range(1, arguments.runs + 1):
        for revision in revisions:
            run = run_from_nothing(Path.cwd(), revision)
            found[revision].append(run)
            console.print(f"run {turn} of {revision}: {run.seconds:.1f} s, {run.peak_mib:,.0f} MiB, NDCG@10 {run.ndcg}")
    console.print(_table(found))
    if arguments.against:
        console.print(_ratios(found[arguments.revision], found[arguments.against], *revisions))


def run_from_nothing(repository: Path, revision: str) -> Run:
    """The job in a fresh checkout of a revision, with this environment; raises CalledProcessError where it fails."""
    with tempfile.TemporaryDirectory(prefix="shoprec-bench-", ignore_cleanup_errors=True) as folder:
        checkout, log = check_out(repository, revision, Path(folder) / "checkout"), Path(folder) / "log"
        command = [sys.executable, "-c", "from flows.cli import main; main()", "run"]
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        begun = time.monotonic()
        with log.open("w", encoding="utf-8") as out:
            job = psutil.Popen(command, cwd=checkout, stdout=out, stderr=out, env={**os.environ, "PATH": path})
            peak = _peak_memory(job)
        seconds = time.monotonic() - begun
        if job.returncode:
            sys.stderr.write(log.read_text(encoding="utf-8"))
            raise subprocess.CalledProcessError(job.returncode, command)
        metrics = json.loads((checkout / "reports" / "metrics.json").read_text(encoding="utf-8"))
        return Run(seconds, peak / _MIB, {task: round(values["ndcg@10"], 4) for task, values in metrics.items()})


def _peak_memory(job: psutil.Popen) -> int:
    peak = 0
    while job.poll() is None:
        peak = max(peak, sum(_resident(p) for p in [job, *_children(job)]))
        time.sleep(_SAMPLE_S)
    return peak


def _children(job: psutil.Popen) -> list[psutil.Process]:
    try:
        return job.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0


def _table(found: dict[str, list[Run]]) -> Table:
    table = Table("revision", "seconds", "peak MiB", "NDCG@10 all", "NDCG@10 new", title="minimum / median / maximum")
    for revision, runs in found.items():
        table.add_row(
            revision,
            spread([r.seconds for r in runs], ".1f"),
            spread([r.peak_mib for r in runs], ",.0f"),
            *(spread([r.ndcg.get(task, float("nan")) for r in runs], ".4f") for task in ("all", "new")),
        )
    return table


def _ratios(ours: Sequence[Run], theirs: Sequence[Run], name: str, other: str) -> str:
    seconds = ratios([run.seconds for run in ours], [run.seconds for run in theirs])
    memory = ratios([run.peak_mib for run in ours], [run.peak_mib for run in theirs])
    return f"{name} / {other}: seconds {spread(seconds, '.2f')}, memory {spread(memory, '.2f')}"


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.whole_job", description=__doc__)
    parser.add_argument("--runs", type=int, default=1, help="runs of each revision")
    parser.add_argument("--revision", default="HEAD", help="what to time")
    parser.add_argument("--against", help="a revision to compare with, such as HEAD~1")
    return parser.parse_args()


if __name__ == "__main__":
    main()
