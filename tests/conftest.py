"""The environment of this process, which MLflow, Prefect and a run change: each test finds it as the first one did."""

import os
from collections.abc import Iterator
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
