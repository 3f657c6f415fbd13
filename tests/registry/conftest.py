"""A registry in a SQLite file, and what a retrain leaves: a recommender that knows what it will say."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tasks.registry import Dataset, Retrained
from tasks.registry.ledger import Ledger
from tasks.registry.registry import Registry
from tasks.registry.stages import Stages

Make = Callable[..., Retrained]

FIXED_RECOMMENDER = '''
import json
import pandas as pd

class Recommender:
    """Recommends the list it was given to everybody."""

    @classmethod
    def load(cls, folder):
        made = cls()
        made.items = json.loads((folder / "items.json").read_text())
        return made

    def recommend(self, users, k=10, task="all"):
        rows = [(u, n, i, 1 / n) for u in users for n, i in enumerate(self.items[task][:k], start=1)]
        return pd.DataFrame(rows, columns=["user_id", "rank", "item_id", "score"])
'''


@pytest.fixture
def registry(empty_database: Path, tmp_path: Path) -> Registry:
    (tmp_path / "mlflow.db").write_bytes(empty_database.read_bytes())
    return Registry(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "artifacts")


@pytest.fixture
def retrained(tmp_path: Path) -> Make:
    """What a retrain leaves; `recipe` and `users` as asked for."""
    return retrains_in(tmp_path)


def retrains_in(folder: Path) -> Make:
    package = folder / "source" / "tasks"
    (package / "recommender").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "recommender" / "__init__.py").write_text(FIXED_RECOMMENDER)
    bundle = folder / "bundle"
    bundle.mkdir()
    (bundle / "items.json").write_text(json.dumps({"all": [7, 8, 9], "new": [9, 8, 7]}))
    report, plots = folder / "report.html", folder / "plots"
    report.write_text("<h1>Report</h1>")
    plots.mkdir()
    (plots / "importance.csv").write_text("feature,gain\n")
    base = Retrained(
        recipe="",
        params={"als": {"factors": 64}, "folds": {"train": 3}},
        metrics={"all": {"ndcg@10": 0.25, "ndcg@10_low": 0.24, "ndcg@10_high": 0.26}},
        datasets=[Dataset("raw", "data/raw", "c4ca4238a0b923820dcc509a6f75849b.dir", "source")],
        files={"": [report], "evaluation": [plots]},
        bundle=bundle,
        package=package,
        example_users=[1, 2],
        description="**made** by a test",
        tags={"source": "test"},
    )

    def make(recipe: str = "r1", users: Sequence[int | str] = (1, 2)) -> Retrained:
        return replace(base, recipe=recipe, example_users=list(users))

    return make


@pytest.fixture(scope="session")
def three_versions(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the candidates 1, 2 and 3, whose models lie beside it."""
    folder = tmp_path_factory.mktemp("three-versions")
    (folder / "mlflow.db").write_bytes(empty_database.read_bytes())
    registry = Registry(f"sqlite:///{folder / 'mlflow.db'}", folder / "artifacts")
    make = retrains_in(folder)
    for n in (1, 2, 3):
        registry.log(make(f"r{n}"))
    return folder / "mlflow.db"


@pytest.fixture(scope="session")
def used_by_one_test_after_another(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow takes a second to open a database that it has not seen."""
    return tmp_path_factory.mktemp("of-three") / "mlflow.db"


@pytest.fixture
def of_three(three_versions: Path, used_by_one_test_after_another: Path) -> Registry:
    """The candidates 1, 2 and 3, and nothing that the test before did."""
    here = used_by_one_test_after_another
    with closing(sqlite3.connect(three_versions)) as source, closing(sqlite3.connect(here)) as target:
        source.backup(target)
    return Registry(f"sqlite:///{here}")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")


@pytest.fixture
def stages(of_three: Registry, ledger: Ledger) -> Stages:
    """Of the candidates 1, 2 and 3."""
    return Stages(of_three, ledger)
