"""What the outside world takes part in, as plain functions; `retrain` makes Prefect tasks of them."""

import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

import tasks as package
from flows.lineage.recipe import recipe_files, refuse_changed_params
from flows.settings import Settings
from flows.tables import description
from tasks.errors import TransientError
from tasks.evaluation.report import render_report
from tasks.ingestion.storage import replace_file
from tasks.ingestion.valid import Valid
from tasks.params import Params
from tasks.promotion.verdict import Verdict
from tasks.recommender import bundle
from tasks.registry import Dataset, Retrained, Version
from tasks.versioning import StageRun, hashes, recipe_digest, track
from tasks.versioning.process import OnLine, error_of, run_module

if TYPE_CHECKING:
    from tasks.registry.registry import Registry
    from tasks.registry.stages import Stages

RAW = "data/raw"
PROFILE = "data/valid/profile.json"
VALID, BOOSTERS, RANKER = "data/valid", "data/boosters", "models/ranker"
STATE = ("data/features/serve", "data/candidates/serve")
"""What the recommender knows as of the end of the data."""
EVALUATION = "reports/evaluation.json"
REPORT = "report.html"
SCRATCH = ("bundle-*", "duel-*", "refresh-*", "monitor-*")
"""Folders in var/ that a run takes away again, unless it is killed."""
CONTEXTS = {"data/raw": "source", "data/valid": "training", "data/quarantine": "quarantine"}
"""What a versioned folder was used for, told by its path; other data/ folders are `training`."""


@dataclass(frozen=True)
class Outcome:
    """How a retrain ended."""

    version: Version
    is_new: bool
    """False: the same data, code and params were registered before."""
    runs: tuple[StageRun, ...]
    verdict: Verdict | None = None
    """None: nothing had to be decided."""


def fetch(root: Path, on_line: OnLine) -> StageRun:
    """The source's data into data/raw, versioned; skipped where the source has nothing new."""
    arguments = ["--params", "params.yaml", "--raw", RAW, "--profile", PROFILE]
    done = run_module("flows.landing", arguments, root, on_line, dict(os.environ))
    if done.code:
        raise error_of(done.code, "fetch failed: " + "\n".join(done.lines[-40:]))
    track(root, RAW)
    return StageRun("fetch", done.lines[-1].endswith("nothing new"), done.seconds, done.peak_mib)


def open_registry(settings: Settings) -> "Registry":
    from tasks.registry.registry import Registry  # takes seconds, so not before it is needed

    return Registry(settings.tracking_uri, settings.artifacts)


def open_stages(settings: Settings, registry: "Registry") -> "Stages":
    from tasks.registry.ledger import Ledger
    from tasks.registry.stages import Stages  # imports mlflow

    return Stages(registry, Ledger(settings.ledger))


def write_report(settings: Settings, runs: Sequence[StageRun]) -> Path:
    """Draws the report; one that was drawn from the very same evaluation and data keeps its times and memory."""
    page, told = settings.reports / REPORT, facts(settings.root)
    for stale in settings.reports.glob("data_quality.failed.*"):
        stale.unlink()  # of data that has been mended since
    # A skipped stage may have come back from DVC's cache, and a page may be older than a run that was killed.
    before = page.read_text(encoding="utf-8") if page.exists() else ""
    if not all(digest in before for digest in told.values()) or not all(run.skipped for run in runs):
        replace_file(page, render_report(settings.reports, runs, told).encode())
    return page


def facts(root: Path) -> dict[str, str]:
    """What data the numbers are about."""
    known = hashes(root)
    return {f"version of {path}": known[path] for path in (RAW, VALID, RANKER, EVALUATION) if path in known}


def register(settings: Settings, registry: "Registry", params: Params) -> tuple[Version, bool]:
    """The version of this retrain, and whether it is new: the same recipe is not registered twice.

    Raises ShoprecError where `params.yaml` was changed since the run began.
    """
    refuse_changed_params(settings.root, params)
    recipe = recipe_digest(settings.root)
    clear_what_was_killed(settings, registry, "a retrain")
    known = registry.version_of(recipe)
    if known is not None:
        return known, False
    with tempfile.TemporaryDirectory(dir=settings.var, prefix="bundle-") as folder:
        features, candidates = (settings.root / path for path in STATE)
        items = Valid.read(settings.root / VALID).items
        served = Path(folder) / "recommender"
        bundle(settings.root / RANKER, features, candidates, items, params.candidates, params.diversity, served)
        return registry.log(_retrained(settings, params, recipe, served)), True


def is_transient(_task: object, _run: object, state: Any) -> bool:
    """For Prefect: whether to try again."""
    return isinstance(state.result(raise_on_failure=False), TransientError)


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def clear_what_was_killed(settings: Settings, registry: "Registry", who: str) -> None:
    """The lock on retraining says that no other is at it."""
    for scratch in SCRATCH:
        for left in settings.var.glob(scratch):
            shutil.rmtree(left)
    registry.end_killed_runs()
    open_stages(settings, registry).mend(who)  # a version that serves must not be taken for a candidate


def _retrained(settings: Settings, params: Params, recipe: str, served: Path) -> Retrained:
    root, reports = settings.root, settings.reports
    evaluation = read_json(reports / "evaluation.json")
    return Retrained(
        recipe=recipe,
        params=params.model_dump(mode="json"),
        metrics=read_json(reports / "metrics.json"),
        datasets=datasets(hashes(root)),
        files={
            "": [reports / REPORT, reports / "data_quality.html"],
            "evaluation": [p for p in sorted(reports.iterdir()) if p.suffix in (".json", ".parquet") or p.is_dir()],
            **recipe_files(root),
        },
        bundle=served,
        package=Path(package.__file__ or "").parent,
        example_users=_some_users(reports),
        description=description(evaluation),
        tags={"source": params.source.adapter},
    )


def datasets(digests: Mapping[str, str]) -> list[Dataset]:
    """Of versioned paths, those that are data."""
    return [
        Dataset(Path(path).name, path, digest, CONTEXTS.get(path, "training"))
        for path, digest in sorted(digests.items())
        if path.startswith("data/") and path != BOOSTERS
    ]


def _some_users(reports: Path) -> list[Any]:
    users = pd.read_parquet(reports / "test_lists.parquet", columns=["user_id"])["user_id"]
    return users.drop_duplicates().head(3).tolist()
