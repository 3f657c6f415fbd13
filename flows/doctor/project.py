"""The project's folder: git, params, suites, pipeline, and what runs there or was killed there."""

import shutil

from flows.doctor.findings import Finding, fail, ok, warn
from flows.one_at_a_time import killed_retrain, who_retrains
from flows.settings import Settings
from tasks.errors import ShoprecError
from tasks.ingestion.suites import load_suites
from tasks.params import load_params
from tasks.registry.texts import listed
from tasks.versioning import stage_order
from tasks.versioning.git import head
from tasks.versioning.graph import shapes
from tasks.versioning.lock import shapes_as_run

_WRITTEN_HALF = (".*.new", ".*.old", ".*.landing")
"""Siblings in which `tasks.ingestion.storage` and `landing` prepare what then takes its place."""


def git(settings: Settings) -> list[Finding]:
    without = "DVC compares no runs, and a passport names no commit"
    if shutil.which("git") is None:
        return [warn("git", f"the program is not there: {without}", "install git")]
    found = head(settings.root)
    if found is None:
        return [warn("git", f"{settings.root} is in no repository with a commit: {without}", "git init; commit it all")]
    if found.changed:
        changed = (
            f"at {found.digest[:12]}, with {len(found.changed)} files not as committed: {listed(found.changed, ', ')}"
        )
        return [warn("git", changed, "commit them, so that a passport's commit says all")]
    return [ok("git", f"at {found.digest[:12]}, all as committed")]


def params(settings: Settings) -> list[Finding]:
    file = settings.root / "params.yaml"
    try:
        source = load_params(file).source.adapter
    except ShoprecError as error:
        return [fail("params", str(error), "edit params.yaml; docs/your-data.md has all that can be set for data")]
    return [ok("params", f"every key is known and fits; the source is {source}")]


def suites(settings: Settings) -> list[Finding]:
    try:
        found = load_suites(settings.root / "expectations")
    except ShoprecError as error:
        return [fail("suites", str(error), "edit or restore that file in expectations/")]
    count = sum(len(suite.expectations) for suite in found.values())
    return [ok("suites", f"{len(found)} with {count} expectations: {', '.join(found)}")]


def pipeline(settings: Settings) -> list[Finding]:
    """dvc.lock is read as it is: whether data changed since is for DVC, and for `shoprec verify`."""
    root = settings.root
    try:
        order, written, run = stage_order(root / "dvc.yaml"), shapes(root / "dvc.yaml"), shapes_as_run(root)
    except ShoprecError as error:
        return [fail("pipeline", str(error), "restore that file from git, or do what it says")]
    stages = f"{len(order)} stages: {', '.join(order)}"
    if not run:
        return [ok("pipeline", f"{stages}; none has run yet")]
    other = [name for name in order if written[name] != run.get(name)]
    if other:
        told = f"{stages}; dvc.lock knows another command, deps or outs of {', '.join(other)}"
        return [warn("pipeline", told, "make run; it runs these again")]
    return [ok("pipeline", f"{stages}; dvc.lock is of these")]


def retrains(settings: Settings) -> list[Finding]:
    """Told, since it explains what else is found; it is no fault."""
    holder = who_retrains(settings.var)
    if holder is None:
        return [ok("retrain", "none is at work")]
    return [ok("retrain", f"process {holder.pid} is at work since {holder.since}: {holder.reason}")]


def leftovers(settings: Settings) -> list[Finding]:
    if who_retrains(settings.var):
        return [ok("leftovers", "not to be told from what the retrain at work is using")]
    from flows.steps import SCRATCH  # imports pandas

    places = [settings.root / "data", settings.root / "models", settings.reports, settings.reports / "gate"]
    found = [path for pattern in SCRATCH for path in settings.var.glob(pattern)]
    found += [path for place in places for pattern in _WRITTEN_HALF for path in place.glob(pattern)]
    told = [str(path.relative_to(settings.root)) for path in found]
    if killed := killed_retrain(settings.var):
        told.append(f"the note of process {killed.pid}, killed in a retrain begun {killed.since}")
    if not told:
        return [ok("leftovers", "none of a run that was killed")]
    return [warn("leftovers", listed(told, ", "), "make run; the next run clears them")]
