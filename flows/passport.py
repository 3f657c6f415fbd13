"""The passport of a version, gathered from data, registry, git and this machine, and left in MLflow."""

import platform
from collections import Counter
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from flows.recipe import recipe_files, refuse_changed_params
from flows.settings import Settings
from flows.steps import read_json
from tasks.folds import make_folds
from tasks.params import Params
from tasks.promotion.verdict import Verdict
from tasks.registry import Version
from tasks.registry.passport import Code, Cut, Decided, Machine, Passport, Validation, sha256
from tasks.schema import EVENT_TYPE, ITEM, TIMESTAMP, USER
from tasks.versioning import hashes
from tasks.versioning.git import head
from tasks.versioning.lock import inputs

if TYPE_CHECKING:
    from tasks.registry.registry import Registry

LIBRARIES = (
    "dvc",
    "duckdb",
    "great-expectations",
    "ibis-framework",
    "implicit",
    "lightgbm",
    "mlflow",
    "numpy",
    "pandas",
    "prefect",
    "pyarrow",
    "scikit-learn",
    "scipy",
)
"""Those that a result or its keeping hangs on; all others are in requirements.lock."""


def issue_passport(
    settings: Settings,
    registry: "Registry",
    params: Params,
    version: Version,
    verdict: Verdict,
    parent: int | None,
    verdict_sha256: str,
) -> str:
    """Leaves the passport with the version and returns its digest; to be called after the verdict, before the move.

    A run that is cut short between leaves a candidate, which is judged again and given its passport anew. The recipe
    is logged anew too: since the version was registered, what makes no difference to it may have changed.
    """
    from tasks.registry.artifacts import attach  # takes seconds, so not before it is needed
    from tasks.registry.passports import model_digests, seal

    root, recipe = settings.root, recipe_files(settings.root)
    refuse_changed_params(root, params)
    attach(registry, version.run_id, recipe)
    passport = Passport(
        name=version.name,
        version=version.number,
        kind="retrain",
        parent=parent,
        run_id=version.run_id,
        flow_run_id=_flow_run_id(),
        code=_code(root),
        recipe={f"{folder}/{p.name}": sha256(p.read_bytes()) for folder, paths in recipe.items() for p in paths},
        inputs=inputs(root),
        outputs=hashes(root),
        validation=_validation(settings.reports),
        params=params.model_dump(mode="json"),
        seeds=_seeds(params.model_dump(mode="json")),
        machine=machine(),
        folds=_folds(root, params),
        metrics=read_json(settings.reports / "metrics.json"),
        verdict=Decided(decision=verdict.decision, reason=verdict.reason, sha256=verdict_sha256),
        model=model_digests(registry, version.number),
    )
    return seal(registry, passport)


def machine() -> Machine:
    """This one, and what runs on it."""
    return Machine(
        python=platform.python_version(),
        platform=platform.platform(),
        processor=_processor(),
        libraries={name: installed(name) for name in LIBRARIES},
    )


def _processor() -> str:
    """With its model on Linux, where Python names the family at most: results differ in their last digits by it."""
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.exists() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())


def _flow_run_id() -> str | None:
    from prefect.runtime import flow_run  # takes seconds outside a flow

    return flow_run.get_id()


def _code(root: Path) -> Code | None:
    commit = head(root)
    return None if commit is None else Code(commit=commit.digest, changed=commit.changed)


def _validation(reports: Path) -> Validation:
    quality = read_json(reports / "data_quality.json")
    return Validation(result=quality["verdict"], checks=Counter(check["status"] for check in quality["checks"]))


def _seeds(params: Any, within: str = "") -> dict[str, int]:
    """`{"als": {"seed": 1}}` gives `als.seed: 1`."""
    found: dict[str, int] = {}
    for name, value in params.items() if isinstance(params, dict) else ():
        found |= {f"{within}{name}": value} if name == "seed" else _seeds(value, f"{within}{name}.")
    return found


def _folds(root: Path, params: Params) -> tuple[Cut, ...]:
    events = pd.read_parquet(root / "data" / "valid" / "events.parquet", columns=[USER, ITEM, TIMESTAMP, EVENT_TYPE])
    folds = make_folds(events, params.folds, params.shop)
    return tuple(Cut(name=fold.name, cutoff=fold.cutoff, end=fold.end) for fold in folds)
