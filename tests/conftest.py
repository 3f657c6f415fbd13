"""What all rooms share: an environment that each test finds as the first one did, and a database made once."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.postgres import Postgres, running_postgres

SERVERS = ("MLFLOW_TRACKING_URI", "PREFECT_API_URL")


class WideFixturesLeaveNothing:
    """A fixture of a wider scope is set up before `environment_as_it_was`, and MLflow sets variables as it goes."""

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[object]) -> Generator[None, object, object]:
        if fixturedef.scope == "function":
            return (yield)
        with patch.dict(os.environ):
            return (yield)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", metavar="FOLDER", help="where tests in a browser leave their pictures")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(
        WideFixturesLeaveNothing()
    )  # a hook of a conftest does not see the session's fixtures
    for name in SERVERS:  # versions of toy models have no place in the registry that a person's shell may point at
        os.environ.pop(name, None)


@pytest.fixture(autouse=True)
def environment_as_it_was() -> Iterator[None]:
    with patch.dict(os.environ):
        yield


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once: MLflow takes seconds to make a new one."""
    folder = tmp_path_factory.mktemp("empty-registry")
    from tasks.registry.registry import Registry  # takes seconds, which few tests have need of

    Registry(f"sqlite:///{folder / 'mlflow.db'}", name="made-before")
    return folder / "mlflow.db"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One for all tests of a process; each makes databases of its own."""
    with running_postgres() as server:
        yield server
