"""A retrain up to its evaluation: the data of the commit, then every pure step. What serves takes no part in it."""

import time
from dataclasses import dataclass
from pathlib import Path

from flows.settings import Settings
from flows.steps import fetch, write_report
from tasks.errors import TransientError
from tasks.versioning import StageRun, pointers, prepare, reproduce, stage_order
from tasks.versioning.process import OnLine
from tasks.versioning.repository import pull, pull_results


@dataclass(frozen=True)
class Learned:
    data: str
    """Where the raw data came from, in words."""
    runs: tuple[StageRun, ...]
    seconds: float


def learn(settings: Settings, newest_data: bool, on_line: OnLine) -> Learned:
    """As `shoprec run` does, with the raw data that the commit names; with the source's where that cannot be had, or
    where `newest_data` is asked for.

    Raises DataContractError where the data breaks its contract.
    """
    root, begun = settings.root, time.monotonic()
    stages = stage_order(root / "dvc.yaml")
    prepare(root)
    why_not = "the newest was asked for" if newest_data else _why_not_pulled(root, on_line)
    runs = [] if not why_not else [fetch(root, on_line)]
    runs += [reproduce(root, stage, on_line) for stage in stages]
    write_report(settings, runs)
    data = f"read from the source: {why_not}" if why_not else "the one that the commit names"
    return Learned(data, tuple(runs), time.monotonic() - begun)


def _why_not_pulled(root: Path, on_line: OnLine) -> str:
    """Empty: the raw data is there, and with it what is known of the results."""
    named = [path.relative_to(root).as_posix() for path in pointers(root)]
    if not named:
        return "the commit names none (data/*.dvc)"
    try:
        pull(root, named, on_line)
    except TransientError as error:
        on_line(str(error))
        return "what the commit names could not be pulled from DVC's remote"
    pull_results(root, on_line)
    return ""
