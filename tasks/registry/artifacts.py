"""Files of a version: fetched from where MLflow keeps them, and added to the run that made it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mlflow.artifacts import download_artifacts
from mlflow.models import Model
from mlflow.types import DataType
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

from tasks.errors import ShoprecError
from tasks.registry.faults import faults_of_mlflow
from tasks.registry.flat import flat_metrics
from tasks.registry.registry import Registry
from tasks.registry.served_model import BUNDLE


@dataclass(frozen=True)
class FetchedModel:
    code: Path
    """Folder that holds the version's own `tasks` package."""
    bundle: Path
    """What `Recommender.load` reads."""
    integer_users: bool
    """Whether ids of users are whole numbers; else they are text."""


def fetch_model(registry: Registry, number: int, folder: Path) -> FetchedModel:
    """Downloads the model of a version into the new `folder`. Raises ShoprecError where a part of it is missing."""
    folder.mkdir(parents=True)
    with faults_of_mlflow(registry.uri):
        got = Path(download_artifacts(artifact_uri=f"models:/{registry.name}/{number}", dst_path=str(folder)))
    code, artifacts = got / "code", got / "artifacts"
    bundles = [path for path in artifacts.glob("*") if path.is_dir()]
    if not (code / "tasks").is_dir() or len(bundles) != 1:
        raise ShoprecError(
            f"{registry.name} version {number} is not complete: it should have code/tasks and one folder {BUNDLE}"
            f" under artifacts, and has {sorted(path.name for path in got.iterdir())}; restore its files in MLflow"
        )
    signature = Model.load(got).signature
    users = signature.inputs.input_types() if signature and signature.inputs else []
    return FetchedModel(code, bundles[0], integer_users=users == [DataType.long])


def fetch_file(registry: Registry, run_id: str, path: str, folder: Path) -> Path:
    """Downloads one file that a run logged. Raises ShoprecError where there is none."""
    with faults_of_mlflow(registry.uri):
        parent = str(Path(path).parent) if "/" in path else None
        if path not in {file.path for file in registry.client.list_artifacts(run_id, parent)}:
            raise ShoprecError(f"run {run_id} has no file {path}: it was removed, or logged by an older shoprec")
        return Path(registry.client.download_artifacts(run_id, path, str(folder)))


def attach(registry: Registry, run_id: str, files: Mapping[str, Sequence[Path]]) -> None:
    """Adds files to a run that may have ended: folder among its artifacts to what goes there."""
    with faults_of_mlflow(registry.uri):
        for folder, paths in files.items():
            for path in paths:
                registry.client.log_artifact(run_id, str(path), folder or None)


def add_metrics(registry: Registry, run_id: str, metrics: Mapping[str, Any]) -> None:
    """Adds metrics to a run that may have ended; nested, named as those that a retrain logs."""
    with faults_of_mlflow(registry.uri):
        for name, value in flat_metrics(metrics).items():
            registry.client.log_metric(run_id, name, value)


LONGEST_NOTE = 8000
"""Characters of what MLflow shows of a run; it drops the rest without a word."""


def longest_description(registry: Registry) -> int | None:
    """Characters that MLflow's table has for a version's. SQLite holds any; what a server keeps it in is not known."""
    return None if registry.uri.startswith("sqlite") else 5000


def describe(registry: Registry, number: int, run_id: str, description: str, note: str) -> None:
    """Replaces what MLflow shows of a version, and of its run (`note`); Markdown."""
    with faults_of_mlflow(registry.uri):
        registry.client.update_model_version(registry.name, str(number), description)
        registry.client.set_tag(run_id, MLFLOW_RUN_NOTE, note)


def address_in_ui(registry: Registry, run_id: str, path: str) -> str:
    """Of a file among a run's artifacts, as a link on any page of MLflow's UI, wherever that is served."""
    with faults_of_mlflow(registry.uri):
        experiment = registry.client.get_run(run_id).info.experiment_id
    return f"#/experiments/{experiment}/runs/{run_id}/artifacts/{quote(path)}"
