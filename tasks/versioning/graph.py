"""The order of the pure steps, read out of `dvc.yaml`, where it is written once."""

from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from tasks.errors import ShoprecError

_OUTPUTS = ("outs", "metrics", "plots")


@dataclass(frozen=True)
class Shape:
    """A stage, but for what its files hold."""

    command: str | list[str]
    reads: frozenset[str]
    makes: frozenset[str]


def shapes(dvc_yaml: Path) -> dict[str, Shape]:
    """Of every stage; in the order of the file."""
    return {
        name: Shape(
            stage["cmd"],
            frozenset(_paths(stage.get("deps"))),
            frozenset(path for key in _OUTPUTS for path in _paths(stage.get(key))),
        )
        for name, stage in _stages(dvc_yaml).items()
    }


def stage_order(dvc_yaml: Path) -> list[str]:
    """Stages so that each comes after those that make what it reads; among equals, as the file has them."""
    return list(chain.from_iterable(stage_waves(dvc_yaml)))


def stage_waves(dvc_yaml: Path) -> list[list[str]]:
    """`stage_order`, in groups: the stages of one read what those of earlier ones make, and nothing of each other.

    A dependency has to be spelled exactly as the output that makes it: no `foreach`, `matrix` or `${}`.
    """
    stages = _stages(dvc_yaml)
    made_by = {path: name for name, stage in stages.items() for key in _OUTPUTS for path in _paths(stage.get(key))}
    needs = {name: {made_by[d] for d in _paths(stage.get("deps")) if d in made_by} for name, stage in stages.items()}
    place = {name: n for n, name in enumerate(stages)}
    sorter = TopologicalSorter(needs)
    try:
        sorter.prepare()
    except CycleError as error:
        raise ShoprecError(f"{dvc_yaml}: the stages {error.args[1]} wait for each other; break the circle") from error
    waves: list[list[str]] = []
    while sorter.is_active():
        waves.append(sorted(sorter.get_ready(), key=place.__getitem__))
        sorter.done(*waves[-1])
    return waves


def _stages(dvc_yaml: Path) -> dict[str, Any]:
    try:
        found = (yaml.safe_load(dvc_yaml.read_text(encoding="utf-8")) or {}).get("stages")
    except FileNotFoundError as error:
        raise ShoprecError(f"{dvc_yaml} does not exist: run in the project's folder, or name it with --root") from error
    except yaml.YAMLError as error:
        raise ShoprecError(f"{dvc_yaml} is no YAML: {error}") from error
    if not found:
        raise ShoprecError(f"{dvc_yaml} has no stages: nothing to run")
    for name, stage in found.items():
        if "cmd" not in stage:
            raise ShoprecError(f"{dvc_yaml}: stage '{name}' has no cmd; foreach and matrix are not read here")
    return found


def _paths(entries: list[str | dict[str, Any]] | None) -> list[str]:
    """Entries are paths, or `path: {options}`."""
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries or []]
