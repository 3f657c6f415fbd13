"""A small shop as the stages read it, and the stages themselves, called in this process."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from threadpoolctl import threadpool_limits

from tasks.ingestion.storage import write_tables
from tasks.schema import TableName
from tests.flows.shops import ITEMS, SECTIONS, purchases

PROJECT = Path(__file__).parents[1]
FEW = {"rounds": 60, "patience": 20, "min_data_in_leaf": 5, "threads": 1, "folds": None}
"""For a ranker that learns from a few hundred shoppers."""


def bought_in_sections(seed: int = 7) -> dict[TableName, pd.DataFrame]:
    """Each of 200 shoppers buys in one of four sections, some items every week: see `tests.flows.shops`."""
    rows = purchases(np.random.default_rng(seed))
    day = rows["bought_at"].str[:10]
    events = pd.DataFrame(
        {
            "user_id": rows["customer"],
            "item_id": rows["sku"],
            "event_type": "purchase",
            "timestamp": pd.to_datetime(rows["bought_at"], utc=True).dt.as_unit("us"),
            "session_id": rows["customer"] + "@" + day,
            "quantity": rows["pieces"],
            "value": rows["paid"],
        }
    ).sort_values(["timestamp", "user_id", "item_id"], ignore_index=True)
    items = pd.DataFrame({"item_id": [f"sku-{n:02d}" for n in range(ITEMS)]})
    items["title"] = [f"article {n}" for n in range(ITEMS)]
    items["category_1"] = [SECTIONS[n % 4] for n in range(ITEMS)]
    return {"events": events, "items": items}


def with_integer_ids(tables: dict[TableName, pd.DataFrame]) -> dict[TableName, pd.DataFrame]:
    """`c012` is 12 and `sku-07` is 7."""
    ids = {"user_id": 1, "item_id": 4}
    return {
        name: table.assign(**{c: table[c].str[start:].astype("int64") for c, start in ids.items() if c in table})
        for name, table in tables.items()
    }


def furnish(root: Path, tables: dict[TableName, pd.DataFrame], **changed: Any) -> Path:
    """`root` with valid tables and a `params.yaml`: the project's, but for a small shop, and for what is `changed`."""
    (root / "data" / "valid").mkdir(parents=True)
    write_tables(tables, root / "data" / "valid")
    params = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    params["shop"] = {"time_zone": "UTC", "target_event": "purchase"}
    params["folds"] |= {"horizon_days": 7, "train": 2}
    params["candidates"]["universe_min_buyers"] = 1
    params["ranker"] = {task: of | FEW for task, of in params["ranker"].items()}
    for section, change in changed.items():
        params[section] = params[section] | change
    (root / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    return root


def call(main: Callable[[], None], root: Path, *names: str, processes: int = 1) -> None:
    """A stage's `main`, in this process, with the paths of `dvc.yaml` under `root` for the options `names`.

    With one of `processes` it starts no other, and no second thread.
    """
    folders = {"ranker": "models/ranker", "reports": "reports", "expectations": "expectations"}
    arguments = ["--params", str(root / "params.yaml")]
    for name in names:
        arguments += [f"--{name}", str(root / folders.get(name, f"data/{name}"))]
    with pytest.MonkeyPatch.context() as patch, threadpool_limits(limits=1, user_api="blas"):
        patch.setattr(sys, "argv", [main.__module__, *arguments])
        patch.setenv("SHOPREC_PROCESSES", str(processes))
        main()


def validate(root: Path) -> Path:
    from tasks.ingestion.__main__ import main as validation

    call(validation, root, "raw", "expectations", "valid", "quarantine", "reports")
    return root


def learn(root: Path) -> Path:
    """Features, candidates and ranker."""
    from tasks.candidates.__main__ import main as candidates
    from tasks.features.__main__ import main as features
    from tasks.reranking.__main__ import main as rerank

    for made in ("data/features", "data/candidates", "data/examples", "data/boosters", "models"):
        shutil.rmtree(root / made, ignore_errors=True)
    call(features, root, "valid", "features")
    call(candidates, root, "valid", "candidates")
    call(rerank, root, "valid", "features", "candidates", "examples", "boosters", "ranker")
    return root


def judge(root: Path) -> Path:
    """The report on the test fold."""
    from tasks.evaluation.__main__ import main as evaluation

    call(evaluation, root, "valid", "features", "candidates", "ranker", "reports")
    return root
