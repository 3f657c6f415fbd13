"""Passports in MLflow: a file among the artifacts of the version's run, and tags of the version."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from mlflow.artifacts import download_artifacts
from mlflow.store.artifact.models_artifact_repo import REGISTERED_MODEL_META_FILE_NAME

from tasks.errors import ShoprecError
from tasks.registry.artifacts import fetch_file
from tasks.registry.completeness import files_of_model
from tasks.registry.faults import faults_of_mlflow
from tasks.registry.passport import Passport, read_passport, sha256
from tasks.registry.registry import Registry
from tasks.registry.versions import Version

FILE, DIGEST = "passport.json", "passport_sha256"
"""The artifact; its SHA-256 as a tag of the version, and in the ledger's evidence of the move."""


def seal(registry: Registry, passport: Passport) -> str:
    """Keeps it, and returns its digest. One that an earlier try left is replaced; the tag of the digest comes last."""
    text = passport.as_text()
    digest = sha256(text.encode())
    with faults_of_mlflow(registry.uri):
        registry.client.log_text(passport.run_id, text, FILE)
        for name, value in {**passport.tags(), DIGEST: digest}.items():
            registry.client.set_model_version_tag(registry.name, str(passport.version), name, value)
    return digest


def sealed_passport(registry: Registry, version: Version) -> Passport:
    """Raises ShoprecError where there is none, or one that is not as it was sealed, or of another shoprec."""
    told = tags_of(registry, version.number).get(DIGEST)
    if told is None:
        raise ShoprecError(f"{version.name} version {version.number} has no passport: an older shoprec registered it")
    with tempfile.TemporaryDirectory(prefix="passport-") as folder:
        content = fetch_file(registry, version.run_id, FILE, Path(folder)).read_bytes()
    if sha256(content) != told:
        raise ShoprecError(
            f"{FILE} of {version.name} version {version.number} is not as it was written: `shoprec verify"
            f" {version.number}` says more"
        )
    return read_passport(content)


def tags_of(registry: Registry, number: int) -> Mapping[str, str]:
    with faults_of_mlflow(registry.uri):
        return registry.client.get_model_version(registry.name, str(number)).tags


def model_digests(registry: Registry, number: int) -> dict[str, str]:
    """SHA-256 of every file of the version's model, by its path within it.

    But of one that MLflow adds when somebody loads the model from a folder of this machine.
    """
    uri = f"models:/{registry.name}/{number}"
    with tempfile.TemporaryDirectory(prefix="model-") as folder, faults_of_mlflow(registry.uri):
        names = files_of_model(uri).keys() - {REGISTERED_MODEL_META_FILE_NAME}
        got = Path(download_artifacts(artifact_uri=uri, dst_path=folder)) if names else Path(folder)
        return {name: sha256((got / name).read_bytes()) for name in sorted(names)}


def run_digests(registry: Registry, run_id: str) -> dict[str, str]:
    """SHA-256 of every file among the run's artifacts, by its path among them; the model is not there."""
    with tempfile.TemporaryDirectory(prefix="run-") as folder, faults_of_mlflow(registry.uri):
        got = Path(registry.client.download_artifacts(run_id, "", folder))
        files = sorted(path for path in got.rglob("*") if path.is_file())
        return {path.relative_to(got).as_posix(): sha256(path.read_bytes()) for path in files}


def logged_values(registry: Registry, run_id: str) -> tuple[Mapping[str, str], Mapping[str, float]]:
    """Params and metrics of a run, as MLflow shows them. It keeps every finite number to the last digit."""
    with faults_of_mlflow(registry.uri):
        logged = registry.client.get_run(run_id).data
    return logged.params, logged.metrics
