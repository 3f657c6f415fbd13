"""Whether MLflow can be used: nothing is made or changed there, but a probe that is taken away again."""

import re
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlparse
from uuid import uuid4

from mlflow import MlflowClient
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request, verify_rest_response
from sqlalchemy import create_engine
from sqlalchemy.exc import ArgumentError

from tasks.addresses import without_password
from tasks.errors import ShoprecError
from tasks.registry.completeness import refuse_incomplete
from tasks.registry.faults import faults_of_mlflow
from tasks.registry.registry import NAME, Registry

_VERSION = "/version"
_TIMED = ("postgresql", "mysql")
"""Kinds of databases whose drivers know `connect_timeout`."""


def server_version(uri: str, limit_s: float) -> str:
    """Raises TransientError where nothing answers in time, and ShoprecError where it is no MLflow that does."""
    with faults_of_mlflow(uri):
        answer = http_request(get_default_host_creds(uri), _VERSION, "GET", max_retries=0, timeout=limit_s)
        said = verify_rest_response(answer, _VERSION).text.strip()
    if not re.fullmatch(r"\d+\.\d+[\w.]*", said):
        raise ShoprecError(
            f"what answers at {without_password(uri)} is no MLflow server: see that MLFLOW_TRACKING_URI names one"
        )
    return said


def refuse_unreachable_database(uri: str, limit_s: int) -> None:
    """Of a database that MLflow uses without a server; by itself MLflow would try for minutes."""
    timed = {"connect_timeout": limit_s} if uri.startswith(_TIMED) else {}
    with faults_of_mlflow(uri):
        try:
            create_engine(uri, connect_args=timed).connect().close()
        except (ArgumentError, ModuleNotFoundError) as error:
            raise ShoprecError(
                f"MLflow cannot use {without_password(uri)}: {error}; MLFLOW_TRACKING_URI has to be as"
                " http://host:5000 or sqlite:////folder/mlflow.db, or of a database whose driver is installed"
            ) from error


def open_existing(uri: str) -> Registry | None:
    """None: nothing was ever registered there."""
    with faults_of_mlflow(uri):
        found = MlflowClient(uri).get_experiment_by_name(NAME)
    return Registry(uri) if found else None


def artifact_address(registry: Registry) -> str:
    """Where the files of runs go from now on."""
    with faults_of_mlflow(registry.uri):
        found = registry.client.get_experiment_by_name(registry.name)
        return found.artifact_location if found else ""


def folder_at(address: str) -> Path | None:
    """None: it is no folder of this machine."""
    parsed = urlparse(address)
    return Path(unquote(parsed.path)) if parsed.scheme in ("", "file") else None


def try_artifacts(registry: Registry, address: str) -> None:
    """Puts a file there and takes it away. Raises ShoprecError where that cannot be done."""
    name = f"shoprec-doctor-{uuid4().hex}"
    with tempfile.TemporaryDirectory(prefix="doctor-") as folder, faults_of_mlflow(registry.uri):
        probe = Path(folder) / "probe.txt"
        probe.write_text("shoprec doctor takes this away again", encoding="utf-8")
        store = get_artifact_repository(address, tracking_uri=registry.uri)
        store.log_artifact(str(probe), name)
        store.delete_artifacts(name)


def complete_champion(registry: Registry) -> int | None:
    """The version that serves, or None. Raises ShoprecError where a file of it is missing or cut off."""
    champion = registry.holder_of("production")
    if champion is None:
        return None
    with faults_of_mlflow(registry.uri):
        refuse_incomplete(champion.name, champion.number)
    return champion.number


def has_versions(registry: Registry) -> bool:
    with faults_of_mlflow(registry.uri):
        return bool(registry.marks.versions())


def names_a_ledger(registry: Registry) -> bool:
    """Whether a version says that an entry of a ledger gave it its stage."""
    with faults_of_mlflow(registry.uri):
        return bool(registry.marks.named_entries())
