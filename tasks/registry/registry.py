"""The registry in MLflow: one run a retrain, one version a recipe. `tasks.registry.stages` moves versions."""

import logging
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import mlflow
import pandas as pd
from mlflow.data.dataset_source_registry import resolve_dataset_source
from mlflow.data.meta_dataset import MetaDataset
from mlflow.models import ModelSignature
from mlflow.models.model import ModelInfo
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema

from tasks.registry import served_model
from tasks.registry.completeness import MANIFEST, manifest
from tasks.registry.faults import faults_of_mlflow
from tasks.registry.flat import flat_metrics, flat_params
from tasks.registry.marks import LONGEST_TAG, STAGE, Marks, version_of
from tasks.registry.requirements import serving_requirements
from tasks.registry.texts import storable
from tasks.registry.versions import Dataset, Retrained, Stage, Version

NAME = "shoprec"
"""Of the experiment and of the registered model."""
_RECIPE = "recipe"


class Registry:
    """Opens the tracking server or database at `uri`, making it where it is new (10 s for a new SQLite file).

    `artifacts`: folder for what runs log, where the address is a local database; a server has its own place.
    Every method raises TransientError where the database is locked or the server does not answer.
    """

    def __init__(self, uri: str, artifacts: Path | None = None, name: str = NAME) -> None:
        self.uri, self.name = uri, name
        logging.getLogger("alembic").setLevel(logging.WARNING)
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # it tells our faults with tracebacks
        with faults_of_mlflow(uri):
            mlflow.set_tracking_uri(uri)
            self.client = mlflow.MlflowClient()
            self.marks = Marks(self.client, name)
            found = self.client.get_experiment_by_name(name)
            location = artifacts.resolve().as_uri() if artifacts is not None else None
            self.experiment_id = (
                found.experiment_id if found else self.client.create_experiment(name, artifact_location=location)
            )

    def version_of(self, recipe: str) -> Version | None:
        """The version that was made from the same data, code and params, if there is one; the newest of several."""
        return self._newest(f"name = '{self.name}' and tags.{_RECIPE} = '{recipe}'")

    def holder_of(self, stage: Stage) -> Version | None:
        """The one version that has the alias of `stage`: staging (challenger) or production (champion)."""
        with faults_of_mlflow(self.uri):
            number = self.marks.holder(stage)
            return None if number is None else self.marks.version(number)

    def version(self, number: int) -> Version:
        """Raises ShoprecError where there is none of that number."""
        with faults_of_mlflow(self.uri):
            return self.marks.version(number)

    def log(self, retrained: Retrained) -> Version:
        """Logs one run with everything in it, and registers its model as a `candidate`."""
        with faults_of_mlflow(self.uri), self._run() as run_id:
            tags = {name: storable(value, LONGEST_TAG) for name, value in retrained.tags.items()}
            tags[_RECIPE] = retrained.recipe
            mlflow.set_tags({**tags, "mlflow.note.content": retrained.description})
            mlflow.log_params(flat_params(retrained.params))
            mlflow.log_metrics(flat_metrics(retrained.metrics))
            for dataset in retrained.datasets:
                mlflow.log_input(_meta_dataset(dataset), context=dataset.context)
            for folder, paths in retrained.files.items():
                for path in paths:
                    _log_path(path, folder)
            model = _log_model(retrained)
            if not self.client.search_registered_models(f"name = '{self.name}'"):
                self.client.create_registered_model(self.name, description=_ABOUT_THE_MODEL)
            made = self.client.create_model_version(
                self.name,
                model.model_uri,
                run_id=run_id,
                tags={**tags, STAGE: "candidate"},
                description=retrained.description,
                model_id=model.model_id,
            )
            return version_of(made)

    def end_killed_runs(self) -> None:
        """Nothing but a later run can say of a killed one that it has ended.

        One that is still at work, on another machine, says itself how it ended when it does.
        """
        left = self.unended_runs()
        with faults_of_mlflow(self.uri):
            registered = {v.run_id for v in self.client.search_model_versions(f"name = '{self.name}'")} if left else ()
            for run_id in left:
                self.client.set_terminated(run_id, "FINISHED" if run_id in registered else "KILLED")

    def unended_runs(self) -> list[str]:
        """Those that are at work, or were killed."""
        with faults_of_mlflow(self.uri):
            found = self.client.search_runs([self.experiment_id], "attributes.status = 'RUNNING'")
            return [run.info.run_id for run in found]

    @contextmanager
    def _run(self) -> Generator[str, None, None]:
        with mlflow.start_run(experiment_id=self.experiment_id) as run:
            yield run.info.run_id

    def _newest(self, query: str) -> Version | None:
        with faults_of_mlflow(self.uri):
            found = self.client.search_model_versions(query)
            return version_of(max(found, key=lambda v: int(v.version))) if found else None


_ABOUT_THE_MODEL = (
    "Recommendations for the shop's users. `champion` serves, `previous` served before it, `challenger` wants to; the"
    " tag `stage` of a version says where it stands, and `stage_reason` why. Every change is in shoprec's ledger."
)


def _log_model(retrained: Retrained) -> ModelInfo:
    example = pd.DataFrame({"user_id": list(retrained.example_users)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # MLflow uses what the next pandas will not have
        return mlflow.pyfunc.log_model(
            name="recommender",
            python_model=served_model.__file__,
            artifacts={served_model.BUNDLE: str(retrained.bundle)},
            code_paths=[str(retrained.package)],
            pip_requirements=serving_requirements(),
            signature=_signature(example),
            input_example=example,
            metadata={MANIFEST: manifest(retrained.bundle, retrained.package)},
        )


def _signature(example: pd.DataFrame) -> ModelSignature:
    user = DataType.long if pd.api.types.is_integer_dtype(example["user_id"]) else DataType.string
    params = [ParamSpec("k", DataType.long, 10), ParamSpec("task", DataType.string, "all")]
    return ModelSignature(inputs=Schema([ColSpec(user, "user_id")]), params=ParamSchema(params))


def _meta_dataset(dataset: Dataset) -> MetaDataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # MLflow finds the same reading of a path twice
        source = resolve_dataset_source(dataset.path)
    return MetaDataset(source, name=dataset.name, digest=dataset.digest)


def _log_path(path: Path, folder: str) -> None:
    if path.is_dir():
        mlflow.log_artifacts(str(path), f"{folder}/{path.name}".lstrip("/"))
    else:
        mlflow.log_artifact(str(path), folder or None)
