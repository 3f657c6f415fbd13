"""What all rooms share: an environment that each test finds as the first one did, and a database made once."""

import os
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

SERVERS = ("MLFLOW_TRACKING_URI", "PREFECT_API_URL")


@pytest.fixture(scope="session", autouse=True)
def no_server_of_who_runs_the_tests() -> Iterator[None]:
    """Versions of toy models have no place in the registry that a person's shell may point at."""
    with patch.dict(os.environ):
        for name in SERVERS:
            os.environ.pop(name, None)
        yield


@pytest.fixture(autouse=True)
def environment_as_it_was() -> Iterator[None]:
    """A fixture of a wider scope that changes it has to put it back itself: it is set up before this one."""
    with patch.dict(os.environ):
        yield


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once: MLflow takes seconds to make a new one."""
    folder = tmp_path_factory.mktemp("empty-registry")
    from tasks.registry.registry import Registry  # takes seconds, which few tests have need of

    with patch.dict(os.environ):
        Registry(f"sqlite:///{folder / 'mlflow.db'}", name="made-before")
    return folder / "mlflow.db"
