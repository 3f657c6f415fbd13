"""What a project's runs left in its registry, read past shoprec's own code."""

from pathlib import Path

import mlflow

from tasks.registry.passport import Passport


def client_of(root: Path) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(f"sqlite:///{root / 'var' / 'mlflow.db'}")


def logged(root: Path, name: str, number: int = 1) -> Path:
    """A file that the run of a version logged."""
    run_id = client_of(root).get_model_version("shoprec", str(number)).run_id
    return root / "var" / "mlartifacts" / str(run_id) / "artifacts" / name


def passport_of(root: Path, number: int = 1) -> Passport:
    return Passport.model_validate_json(logged(root, "passport.json", number).read_bytes())
