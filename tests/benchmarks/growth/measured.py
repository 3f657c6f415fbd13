"""The steps of the job on a made-up shop of some size, each in a process of its own, kept on disk as they end."""

import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tasks.versioning.graph import shapes
from tests.benchmarks.made_up.shop import params, write_shop
from tests.benchmarks.peers.process import Took
from tests.benchmarks.stages import TooMuchMemoryError, lay_out, run_step, steps

MIB_A_GIB = 1024
_SHOP, _STOPPED = "shop.json", "stopped.json"


@dataclass(frozen=True)
class Measured:
    events: int
    costs: Mapping[str, Took]
    """Of the steps that came to their end, in their order."""
    stopped: str | None = None
    """The step that was ended as it held too much."""


def measured(code: Path, kept: Path, events: int, most_gib: float, say: Callable[[str], None]) -> Measured:
    """All steps on a shop of about so many events; those that are kept in the folder `kept` are not run again.

    After the last step what the steps made is removed: the project of a large shop takes gigabytes.
    """
    project, wanted = kept / "project", steps(code)
    made = {name: shape.makes for name, shape in shapes(code / "dvc.yaml").items()}
    if not (kept / _SHOP).exists():
        lay_out(project, code, params())
        count = write_shop(project / "exports", events)
        (kept / _SHOP).write_text(json.dumps({"events": count}), encoding="utf-8")
    count = json.loads((kept / _SHOP).read_text(encoding="utf-8"))["events"]
    (kept / _STOPPED).unlink(missing_ok=True)
    for name, command in wanted.items():
        if (kept / f"{name}.json").exists():
            continue
        forget(project, made.get(name, frozenset()))
        try:
            took = run_step(command, project, code, kept / f"{name}.log", most_gib * MIB_A_GIB)
        except TooMuchMemoryError as error:
            say(f"{count:,} events, {name}: ended, it held {error}")
            (kept / _STOPPED).write_text(json.dumps({"step": name}), encoding="utf-8")
            break
        took.save(kept / f"{name}.json")
        say(f"{count:,} events, {name}: {took.cpu_s:,.1f} s of processors, {took.peak_mib:,.0f} MiB")
    else:
        shutil.rmtree(project, ignore_errors=True)
    return kept_of(kept, list(wanted))


def forget(project: Path, made: Iterable[str]) -> None:
    """Folds and boosters that a killed step left would be used again, and what they took not be measured."""
    for path in (project / name for name in made):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def kept_of(kept: Path, names: list[str]) -> Measured:
    costs = {name: Took.load(kept / f"{name}.json") for name in names if (kept / f"{name}.json").exists()}
    stopped = kept / _STOPPED
    return Measured(
        events=json.loads((kept / _SHOP).read_text(encoding="utf-8"))["events"],
        costs=costs,
        stopped=json.loads(stopped.read_text(encoding="utf-8"))["step"] if stopped.exists() else None,
    )
