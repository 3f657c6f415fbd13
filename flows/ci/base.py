"""The base branch: its params, and what was measured of it."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from flows.steps import RAW
from tasks.errors import ShoprecError, TransientError
from tasks.versioning import hashes, prepare, reproduce, stage_order
from tasks.versioning.git import check_out, commit_named, file_at, folder_in_repository, head
from tasks.versioning.process import OnLine
from tasks.versioning.repository import configuration, configuration_of_remote, configure, pull

RESULTS = ("evaluation.json", "per_user.parquet", "test_lists.parquet", "data_quality.json")
"""In reports/."""


@dataclass(frozen=True)
class Base:
    ref: str
    """As it was named: a branch, a tag, a digest."""
    commit: str
    params: Mapping[str, Any]
    """params.yaml, as it was written."""
    told: str
    """How its results were had, or why they could not be."""
    project: Path | None = None
    """A checkout with `RESULTS` in reports/; None: there are no results."""
    raw: str | None = None
    """DVC's hash of the raw data that they are of."""


def head_commit(root: Path) -> str:
    """Raises ShoprecError outside git, or where the project is not the top of its repository."""
    found = head(root)
    if found is None:
        raise ShoprecError(f"{root} is in no git repository with a commit: run in a checkout of the change")
    if within := folder_in_repository(root):
        raise ShoprecError(f"the project is folder {within} of a larger repository; only one of its own is compared")
    return found.digest


def recorded_base(root: Path, ref: str, into: Path, on_line: OnLine) -> Base:
    """What the base's `dvc.lock` names, out of DVC's cache or remote, laid out in the new folder `into`.

    Raises ShoprecError where git does not know `ref`.
    """
    commit = commit_named(root, ref)
    if commit is None:
        raise ShoprecError(
            f"git does not know '{ref}': `git fetch origin {ref}` first, and name it as git does, such as origin/{ref};"
            " a shallow clone has no other branch"
        )
    base = Base(ref, commit, yaml.safe_load(file_at(root, commit, "params.yaml") or "") or {}, "")
    if file_at(root, commit, "dvc.lock") is None:
        return replace(base, told="its commit has no dvc.lock, so nothing says what was measured of it")
    try:
        _lay_out(root, commit, into)
        pull(into, [f"reports/{name}" for name in RESULTS], on_line)
    except TransientError as error:
        on_line(str(error))
        return replace(base, told="what its dvc.lock names is neither in DVC's cache nor could it be pulled")
    return replace(base, told="recorded in its dvc.lock", project=into, raw=hashes(into).get(RAW))


def retrained_base(root: Path, base: Base, into: Path, on_line: OnLine) -> Base:
    """The base's own code and params on the raw data that lies in `root`, computed in `into`.

    One that cannot be trained has no results, and says why: that is no fault of the change.
    """
    on_line(f"training {base.ref} on the same data")
    if not into.exists():
        _lay_out(root, base.commit, into)
    shutil.rmtree(into / RAW, ignore_errors=True)
    shutil.copytree(root / RAW, into / RAW)
    try:
        for stage in stage_order(into / "dvc.yaml"):
            reproduce(into, stage, on_line)
    except ShoprecError as error:
        on_line(str(error))
        return replace(base, told=f"it could not be trained either: {error}", project=None)
    return replace(base, told="trained here, on the same data", project=into, raw=hashes(root).get(RAW))


def _lay_out(root: Path, commit: str, into: Path) -> None:
    """With the cache and the remote of `root`."""
    check_out(root, commit, into)
    prepare(into)
    cache = configuration(root).get("cache.dir") or str(root / ".dvc" / "cache")
    configure(into, {**configuration_of_remote(root), "cache.dir": cache})
