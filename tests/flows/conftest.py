"""Projects in folders of their own: the real flow, DVC, MLflow and Prefect over a small shop."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.testing.utilities import prefect_test_harness

from tests.flows.mlflow_server import Server
from tests.flows.shops import SOURCE, write_exports
from tests.flows.unattended import Inbox

PROJECT = Path(__file__).parents[2]
TOY = Path(__file__).parent / "toy"
RANKER = {
    "patience": 20,
    "min_data_in_leaf": 5,
    "rounds": 60,
    "boosters": 2,
}
"""For a shop of 200 users."""
SMALLER_STEPS = {"learning_rate": 0.08, "feature_fraction": 0.6, "negatives": 0.5}
"""For its ranker of all purchases, whatever suits one of thousands: a few large ones would leave lists to chance."""


@pytest.fixture(scope="session")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop") / "exports"
    write_exports(folder)
    return folder


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """One for all flows that run in this process."""
    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture(scope="session")
def mlflow_process(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[Server]:
    """One for all tests of a process: it takes seconds to start."""
    server = Server(tmp_path_factory.mktemp("mlflow-server"))
    server.hold(empty_database)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def mlflow_server(mlflow_process: Server, empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """With nothing in it; what asks it gives up at once."""
    for name, value in {"MAX_RETRIES": "1", "BACKOFF_FACTOR": "0", "BACKOFF_JITTER": "0"}.items():
        monkeypatch.setenv(f"MLFLOW_HTTP_REQUEST_{name}", value)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_process.uri)
    mlflow_process.line.mend()
    mlflow_process.hold(empty_database)
    return mlflow_process


@pytest.fixture(scope="module")
def inbox() -> Inbox:
    """Where the alerts of a module's project are posted."""
    return Inbox()


@pytest.fixture
def toy(tmp_path: Path, exports: Path, empty_database: Path) -> Path:
    """The real fetch, validation, registry and flow; one quick stage stands for all that learns."""
    return toy_project(tmp_path, exports, empty_database)


def toy_project(root: Path, exports: Path, database: Path | None = None) -> Path:
    """`database`: of MLflow, already made; None: the first run makes it, which takes seconds."""
    for name in ("dvc.yaml", "judge.py"):
        shutil.copy(TOY / name, root / name)
    if database is not None:
        (root / "var").mkdir()
        shutil.copy(database, root / "var" / "mlflow.db")
    return furnish(root, exports)


def real_project(root: Path, exports: Path) -> Path:
    """All of this project's own stages and code, over the small shop."""
    with_own_stages(root)
    furnish(root, exports)
    params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    candidates = params["candidates"] | {"universe_min_buyers": 1}
    candidates["own_history"] |= {"enabled": False}  # in a shop of such habits nothing beats it, so nothing would serve
    ranker = {task: of | RANKER for task, of in params["ranker"].items()}
    ranker["all"] |= SMALLER_STEPS
    change_params(root, root / "params.yaml", candidates=candidates, ranker=ranker)
    return root


def with_own_stages(root: Path) -> None:
    for name in ("dvc.yaml", "requirements.lock", ".dvcignore"):
        shutil.copy(PROJECT / name, root / name)
    shutil.copytree(PROJECT / "tasks", root / "tasks", ignore=shutil.ignore_patterns("__pycache__"))


def with_remote_and_suites(root: Path) -> None:
    (root / ".dvc").mkdir()
    shutil.copy(PROJECT / ".dvc" / "config", root / ".dvc" / "config")
    shutil.copytree(PROJECT / "expectations", root / "expectations")


def furnish(root: Path, exports: Path) -> Path:
    """What every project has besides its stages, for the small shop."""
    with_remote_and_suites(root)
    shutil.copytree(exports, root / "exports")
    change_params(root, PROJECT / "params.yaml", shop={"time_zone": "UTC"}, source=SOURCE, clean={})
    change_params(root, root / "params.yaml", folds={"horizon_days": 7, "train": 2})
    return root


def change_params(root: Path, base: Path, **sections: Any) -> None:
    params = yaml.safe_load(base.read_text(encoding="utf-8"))
    (root / "params.yaml").write_text(yaml.safe_dump(params | sections), encoding="utf-8")
