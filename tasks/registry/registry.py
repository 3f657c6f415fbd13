"""The registry in MLflow: one run a retrain, one version a recipe, stages as tags and aliases.

What serves reads the alias `champion`. Every change of production is that one alias write; what follows it (tags, the
built-in stages) only tells people about it, and is repeated by the next call if a crash left it out.
"""

import logging
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import mlflow
import pandas as pd
from mlflow.data.dataset_source_registry import resolve_dataset_source
from mlflow.data.meta_dataset import MetaDataset
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.models.model import ModelInfo
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
from sqlalchemy.exc import OperationalError

from tasks.errors import TransientError
from tasks.registry import served_model
from tasks.registry.flat import flat_metrics, flat_params
from tasks.registry.requirements import serving_requirements
from tasks.registry.versions import ALIASES, Dataset, Retrained, Stage, Version

NAME = "shoprec"
"""Of the experiment and of the registered model."""
_RECIPE, _STAGE, _REASON = "recipe", "stage", "stage_reason"
_BUILT_IN: dict[Stage, str] = {
    "candidate": "None",
    "staging": "Staging",
    "production": "Production",
    "archived": "Archived",
    "rejected": "Archived",
}


class Registry:
    """Opens the tracking server or database at `uri`, making it where it is new (10 s for a new SQLite file).

    `artifacts`: folder for what runs log, where the address is a local database; a server has its own place.
    Every method raises TransientError where the database is locked or the server does not answer.
    """

    def __init__(self, uri: str, artifacts: Path | None = None, name: str = NAME) -> None:
        self.uri, self.name = uri, name
        logging.getLogger("alembic").setLevel(logging.WARNING)
        with _faults_of_the_outside_world(uri):
            mlflow.set_tracking_uri(uri)
            self._client = mlflow.MlflowClient()
            found = self._client.get_experiment_by_name(name)
            location = artifacts.resolve().as_uri() if artifacts is not None else None
            self._experiment = (
                found.experiment_id if found else self._client.create_experiment(name, artifact_location=location)
            )

    def version_of(self, recipe: str) -> Version | None:
        """The version that was made from the same data, code and params, if there is one; the newest of several."""
        return self._newest(f"name = '{self.name}' and tags.{_RECIPE} = '{recipe}'")

    def holder_of(self, stage: Stage) -> Version | None:
        """The one version that has the alias of `stage`: staging (challenger) or production (champion)."""
        with _faults_of_the_outside_world(self.uri):
            if not self._client.search_registered_models(f"name = '{self.name}'"):
                return None
            alias = ALIASES[stage]
            number = self._client.get_registered_model(self.name).aliases.get(alias)
            return None if number is None else self._version(self._client.get_model_version(self.name, str(number)))

    def log(self, retrained: Retrained) -> Version:
        """Logs one run with everything in it, and registers its model as a `candidate`."""
        with _faults_of_the_outside_world(self.uri), self._run() as run_id:
            mlflow.set_tags({_RECIPE: retrained.recipe, **retrained.tags, "mlflow.note.content": retrained.description})
            mlflow.log_params(flat_params(retrained.params))
            mlflow.log_metrics(flat_metrics(retrained.metrics))
            for dataset in retrained.datasets:
                mlflow.log_input(_meta_dataset(dataset), context=dataset.context)
            for folder, paths in retrained.files.items():
                for path in paths:
                    _log_path(path, folder)
            model = _log_model(retrained)
            if not self._client.search_registered_models(f"name = '{self.name}'"):
                self._client.create_registered_model(self.name, description=_ABOUT_THE_MODEL)
            made = self._client.create_model_version(
                self.name,
                model.model_uri,
                run_id=run_id,
                tags={**retrained.tags, _RECIPE: retrained.recipe, _STAGE: "candidate"},
                description=retrained.description,
                model_id=model.model_id,
            )
            return self._version(made)

    def set_stage(self, version: Version, stage: Stage, reason: str) -> Version:
        """Moves a version. Any other that an alias stage has until now is archived.

        The version's own tags are written last: a call that was cut short is known by them, and done again.
        """
        with _faults_of_the_outside_world(self.uri):
            if stage in ALIASES:
                self._client.set_registered_model_alias(self.name, ALIASES[stage], str(version.number))
                for before in self._client.search_model_versions(f"name = '{self.name}' and tags.{_STAGE} = '{stage}'"):
                    if int(before.version) != version.number:
                        self._tell(int(before.version), "archived", f"version {version.number} took its place")
            for other, alias in ALIASES.items():
                if other != stage and (holder := self.holder_of(other)) and holder.number == version.number:
                    self._client.delete_registered_model_alias(self.name, alias)
            self._tell(version.number, stage, reason)
            return self._version(self._client.get_model_version(self.name, str(version.number)))

    @contextmanager
    def _run(self) -> Generator[str, None, None]:
        with mlflow.start_run(experiment_id=self._experiment) as run:
            yield run.info.run_id

    def _tell(self, number: int, stage: Stage, reason: str) -> None:
        self._client.set_model_version_tag(self.name, str(number), _REASON, reason)
        self._client.set_model_version_tag(self.name, str(number), _STAGE, stage)
        self._mirror_built_in_stage(number, stage)

    def _mirror_built_in_stage(self, number: int, stage: Stage) -> None:
        """MLflow deprecated its built-in stages; while they exist, its older view shows ours through them."""
        transition = getattr(self._client, "transition_model_version_stage", None)
        if transition is None:
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            transition(self.name, str(number), _BUILT_IN[stage], archive_existing_versions=False)

    def _newest(self, query: str) -> Version | None:
        with _faults_of_the_outside_world(self.uri):
            found = self._client.search_model_versions(query)
            return self._version(max(found, key=lambda v: int(v.version))) if found else None

    def _version(self, found: ModelVersion) -> Version:
        tags = found.tags
        stage: Stage = tags.get(_STAGE, "candidate")  # pyright: ignore[reportAssignmentType]
        return Version(self.name, int(found.version), stage, tags.get(_REASON, ""), found.run_id or "")


_ABOUT_THE_MODEL = (
    "Recommendations for the shop's users. `champion` serves, `challenger` wants to; the tag `stage` of a version says"
    " where it stands, and `stage_reason` why."
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


@contextmanager
def _faults_of_the_outside_world(uri: str) -> Generator[None, None, None]:
    """A locked database or a server that does not answer may pass; what MLflow refuses for good does not."""
    try:
        yield
    except OperationalError as error:
        raise TransientError(f"the database of MLflow at {uri} could not be used: {error.orig}") from error
    except MlflowException as error:
        if error.error_code not in ("TEMPORARILY_UNAVAILABLE", "INTERNAL_ERROR"):
            raise
        raise TransientError(f"MLflow at {uri} could not be used: {error.message}") from error
