"""What DVC has written down about data: the hash of every file and folder that it versions."""

import hashlib
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

from tasks.errors import ShoprecError
from tasks.versioning.graph import Shape


def hashes(root: Path, stages: Collection[str] | None = None) -> dict[str, str]:
    """Path to MD5 as DVC has it, of every output of a stage and everything that was added by `track`.

    The hash of a folder ends in `.dir`. `stages`: of these only; None: of all.
    """
    made = outputs_of_stages(root, stages)
    found = {path: digest for outputs in made.values() for path, digest in outputs.items()}
    for pointer in pointers(root):
        folder = pointer.relative_to(root).parent
        found |= {(folder / out["path"]).as_posix(): out["md5"] for out in _yaml(pointer)["outs"]}
    return found


def outputs_of_stages(root: Path, stages: Collection[str] | None = None) -> dict[str, dict[str, str]]:
    """Stage to path and MD5 of what it made."""
    locked = _locked(root, stages)
    return {name: {out["path"]: out["md5"] for out in stage.get("outs", [])} for name, stage in locked.items()}


def pointers(root: Path) -> list[Path]:
    """The files that stand for what was added by `track`."""
    return sorted(path for pattern in ("*.dvc", "*/*.dvc") for path in root.glob(pattern) if path.is_file())


def inputs(root: Path, stages: Collection[str] | None = None) -> dict[str, str]:
    """Path to MD5 of all that a stage read; code and settings too, which are in git and not in DVC's cache."""
    return {dep["path"]: dep["md5"] for stage in _locked(root, stages).values() for dep in stage.get("deps", [])}


def lock_of(root: Path, stages: Collection[str]) -> str:
    """A `dvc.lock` of these stages alone, where the others in it are of another day."""
    whole = _yaml(root / "dvc.lock")
    return yaml.safe_dump(whole | {"stages": _locked(root, stages)}, sort_keys=False)


def shapes_as_run(root: Path) -> dict[str, Shape]:
    """Of every stage that has run, as it was then; empty: none has."""
    return {
        name: Shape(
            stage["cmd"],
            frozenset(dep["path"] for dep in stage.get("deps", [])),
            frozenset(out["path"] for out in stage.get("outs", [])),
        )
        for name, stage in _locked(root).items()
    }


def recipe_digest(root: Path) -> str:
    """SHA-256 over what the final stages were made from: their commands and params, and the content of all they read.

    Final are those whose outputs no other stage reads. Two runs with the same digest had the same data, code and
    params where it matters: what came before and made no difference (a new comment in an expectation, say) leaves it
    as it was.
    """
    locked = _locked(root)
    if not locked:
        raise ShoprecError(f"{root / 'dvc.lock'} names no stage: run `shoprec run` to its end first")
    read = {dep["path"] for stage in locked.values() for dep in stage.get("deps", [])}
    final = {n: s for n, s in locked.items() if not any(out["path"] in read for out in s.get("outs", []))}
    recipe = {
        name: [stage["cmd"], sorted((d["path"], d["md5"]) for d in stage.get("deps", [])), stage.get("params", {})]
        for name, stage in final.items()
    }
    return hashlib.sha256(json.dumps(recipe, sort_keys=True, default=str).encode()).hexdigest()


def _locked(root: Path, stages: Collection[str] | None = None) -> dict[str, Any]:
    path = root / "dvc.lock"
    known = (_yaml(path).get("stages") or {}) if path.exists() else {}
    return {name: stage for name, stage in known.items() if stages is None or name in stages}


def _yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ShoprecError(
            f"{path} cannot be read (a merge left its marks in it, or a write was cut off): take one side of it from"
            f" git, or delete it, and run again; DVC's cache still has what was made\n{error}"
        ) from error
    if not isinstance(content, dict):
        raise ShoprecError(f"{path} is empty or no mapping: delete it and run again; DVC's cache has what was made")
    return content
