"""The passport of a version, gathered from data, registry, git and this machine, and left in MLflow."""

import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.lineage.recipe import recipe_files, refuse_changed_params
from flows.lineage.shown import reports_among
from flows.settings import Settings
from flows.steps import VALID, read_json
from tasks.folds import Fold, make_folds
from tasks.ingestion.valid import read_events
from tasks.kept_folds import processor
from tasks.params import Params
from tasks.promotion.verdict import Verdict
from tasks.registry import Version
from tasks.registry.passport import Code, Cut, Decided, Kind, Machine, Passport, Validation, sha256
from tasks.schema import EVENT_TYPE, ITEM, TIMESTAMP, USER
from tasks.versioning import hashes, inputs
from tasks.versioning.git import head

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


@dataclass(frozen=True)
class Made:
    """How a version came to be: what of its passport depends on that."""

    kind: Kind
    params: Mapping[str, Any]
    """Those that its ranker was learned with."""
    recipe: Mapping[str, Sequence[Path]]
    """Folder among the run's artifacts to files."""
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    folds: Sequence[Fold]
    metrics: Mapping[str, Any]
    """Of its ranker, as measured when it was learned."""
    newest: Mapping[str, float] = field(default_factory=dict)
    """Of a refresh: see there in the passport."""


def made_by_retrain(settings: Settings, params: Params) -> Made:
    """Raises ShoprecError where `params.yaml` was changed since the run began."""
    root = settings.root
    refuse_changed_params(root, params)
    events = read_events(root / VALID, (USER, ITEM, TIMESTAMP, EVENT_TYPE))
    return Made(
        kind="retrain",
        params=params.model_dump(mode="json"),
        recipe=recipe_files(root),
        inputs=inputs(root),
        outputs=hashes(root),
        folds=make_folds(events, params.folds, params.shop),
        metrics=read_json(settings.reports / "metrics.json"),
    )


def issue_passport(
    settings: Settings,
    registry: "Registry",
    version: Version,
    made: Made,
    verdict: Verdict,
    parent: int | None,
    verdict_sha256: str,
) -> str:
    """Leaves the passport with the version and returns its digest; to be called after all that is said of the verdict,
    and before the move.

    A run that is cut short between leaves a candidate, which is judged again and given its passport anew. The recipe
    is logged anew too: since the version was registered, what makes no difference to it may have changed.
    """
    from tasks.registry.artifacts import attach  # takes seconds, so not before it is needed
    from tasks.registry.passports import model_digests, run_digests, seal

    attach(registry, version.run_id, made.recipe)
    passport = Passport(
        name=version.name,
        version=version.number,
        kind=made.kind,
        parent=parent,
        run_id=version.run_id,
        flow_run_id=_flow_run_id(),
        code=_code(settings.root),
        recipe={f"{folder}/{p.name}": sha256(p.read_bytes()) for folder, paths in made.recipe.items() for p in paths},
        inputs=made.inputs,
        outputs=made.outputs,
        validation=_validation(settings.reports),
        params=made.params,
        seeds=_seeds(made.params),
        machine=machine(),
        folds=tuple(Cut(name=fold.name, cutoff=fold.cutoff, end=fold.end) for fold in made.folds),
        metrics=made.metrics,
        verdict=Decided(decision=verdict.decision, reason=verdict.reason, sha256=verdict_sha256),
        model=model_digests(registry, version.number),
        reports=reports_among(run_digests(registry, version.run_id)),
        newest=made.newest,
    )
    return seal(registry, passport)


def machine() -> Machine:
    """This one, and what runs on it."""
    return Machine(
        python=platform.python_version(),
        platform=platform.platform(),
        processor=processor(),
        libraries={name: installed(name) for name in LIBRARIES},
    )


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
