"""A project whose champion's lists are known: a version of few lines, registered and sealed as any other.

It gives shopper cNNN the items from NNN on, under task new without those that it knows the shopper to own. The
environment variable TEST_FAULT makes it do wrong.
"""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import yaml

from tasks.registry.ledger import Ledger
from tasks.registry.passport import Cut, Decided, Machine, Passport, Validation
from tasks.registry.passports import seal
from tasks.registry.registry import Registry
from tasks.registry.stages import Stages
from tests.registry.conftest import retrains_in
from tests.shop import PROJECT, bought_in_sections, furnish

AS_OF = datetime(2024, 4, 1, tzinfo=UTC)
COMMAND = """
import argparse, json, os
from pathlib import Path
import pandas as pd

parser = argparse.ArgumentParser()
parser.add_argument("command")
for name in ("bundle", "users", "out"):
    parser.add_argument(f"--{name}", type=Path)
parser.add_argument("--k", type=int)
given, fault, rows = parser.parse_args(), os.environ.get("TEST_FAULT"), []
owned = json.loads((given.bundle / "owned.json").read_text())
items = pd.read_parquet(given.bundle / "items.parquet")["item_id"].tolist()
first = json.loads((given.bundle / "first.json").read_text())
for user in pd.read_parquet(given.users)["user_id"]:
    at = first + (int(user[1:]) if user in owned else 0)
    for task in ("all", "new"):
        left = [i for i in items[at % 60 :] + items[: at % 60] if task == "all" or i not in owned.get(user, [])]
        if fault == "an item twice":
            left[1] = left[0]
        if fault == "two items a list":
            left = left[:2]
        if fault != "a list missing" or (user, task) != ("c007", "new"):
            rows += [(task, user, item, rank) for rank, item in enumerate(left[: given.k], start=1)]
pd.DataFrame(rows, columns=["task", "user_id", "item_id", "rank"]).to_parquet(given.out, row_group_size=999)
print("made")
"""


def make_project(root: Path, empty_database: Path) -> Path:
    """The small shop of 200 shoppers and 60 items, with version 1 in production, and a candidate 2 whose lists begin
    one item later."""
    furnish(root, bought_in_sections(), source={"adapter": "complete_journey"}, clean={"exclude": {}})
    shutil.copytree(PROJECT / "expectations", root / "expectations")
    (root / "var").mkdir()
    shutil.copy(empty_database, root / "var" / "mlflow.db")
    registry = registry_of(root)
    for first in (0, 1):
        folder = root / f"made-{first}"
        folder.mkdir()
        left = retrains_in(folder)(f"recipe {first}", ["c000"])
        (folder / "source" / "tasks" / "recommender" / "__main__.py").write_text(COMMAND)
        events = pd.read_parquet(root / "data" / "valid" / "events.parquet")
        owned = {user: sorted(set(items)) for user, items in events.groupby("user_id")["item_id"]}
        (folder / "bundle" / "owned.json").write_text(json.dumps(owned))
        (folder / "bundle" / "first.json").write_text(json.dumps(first))
        shutil.copy(root / "data" / "valid" / "items.parquet", folder / "bundle")
        version = registry.log(left)
        seal(registry, passport(version.number, version.run_id))
    crown(root, 1)
    return root


def crown(root: Path, version: int) -> None:
    registry = registry_of(root)
    serving = registry.holder_of("production")
    stages = Stages(registry, Ledger(f"sqlite:///{root / 'var' / 'ledger.db'}"))
    stages.move(version, "production", "better", "a test", {}, serving.number if serving else None)


def registry_of(root: Path) -> Registry:
    return Registry(f"sqlite:///{root / 'var' / 'mlflow.db'}", root / "var" / "mlartifacts")


def passport(version: int, run_id: str) -> Passport:
    return Passport(
        name="shoprec",
        version=version,
        kind="retrain",
        parent=None,
        run_id=run_id,
        flow_run_id=None,
        code=None,
        recipe={},
        inputs={},
        outputs={},
        validation=Validation(result="accepted", checks={}),
        params={},
        seeds={},
        machine=Machine(python="", platform="", processor="", libraries={}),
        folds=(Cut(name="serve", cutoff=AS_OF, end=AS_OF + timedelta(days=7)),),
        metrics={},
        verdict=Decided(decision="promote", reason="a test", sha256=""),
        model={},
    )


def change_publication(root: Path, **params: object) -> None:
    told = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    told["publication"] |= params
    (root / "params.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")
