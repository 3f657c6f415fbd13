"""A version as others call it, also one that shipped long ago: in a process of its own, with the code that it shipped
with on the path. So this command line is a contract between versions: options are added to it, never changed.

    python -m tasks.recommender rebuild --params P --valid V --ranker R --cutoff INSTANT --end INSTANT --out BUNDLE
        (the last three may be given again, for several bundles; versions before that make the last one)
    python -m tasks.recommender recommend --bundle BUNDLE --users users.parquet --k 100 --out lists.parquet
"""

import argparse
import json
import sys
import time
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.folds import Fold
from tasks.ingestion.valid import Valid
from tasks.params import load_params
from tasks.recommender.rebuild import rebuild
from tasks.recommender.recommender import Recommender
from tasks.schema import ITEM, RANK, TASKS, USER
from tasks.stage import add_paths, run_stage

WARM_UP = 5
BLOCK = 1024
"""Users whose candidates are in memory at once."""
ROWS = 500_000
"""Rows of one task's lists that are in memory at once; longer lists are made for fewer users at a time."""


def main() -> None:
    given = _parse()
    if given.command == "rebuild":
        asked = zip(given.out, given.cutoff, given.end, strict=True)
        states = {out: Fold("rebuilt", cutoff, end - cutoff) for out, cutoff, end in asked}
        rebuild(Valid.read(given.valid), states, load_params(given.params), given.ranker)
    else:
        recommender = Recommender.load(given.bundle)
        users = pd.read_parquet(given.users)[USER].to_numpy()
        _write_lists(recommender, users, given.k, given.out)
        if given.unsold is not None:
            recommender.recommend_unsold(users, given.k)[[USER, ITEM, RANK]].to_parquet(given.unsold, index=False)
        if given.latency is not None:
            times = _request_ms(recommender, users[: given.requests])
            given.latency.write_text(json.dumps(times), encoding="utf-8")


def _write_lists(recommender: Recommender, users: np.ndarray, k: int, out: Path, at_once: int = BLOCK) -> None:
    """A block of users at a time, so that memory does not grow with their number, nor with k."""
    writer, at_once = None, max(1, min(at_once, ROWS // k))
    for begin in range(0, max(len(users), 1), at_once):
        block = pa.Table.from_pandas(_lists(recommender, users[begin : begin + at_once], k), preserve_index=False)
        writer = writer or pq.ParquetWriter(out, block.schema)
        writer.write_table(block)
        if len(users) > at_once:
            sys.stdout.write(f"{min(begin + at_once, len(users)):,} of {len(users):,} shoppers have their lists\n")
            sys.stdout.flush()
    if writer is not None:
        writer.close()


def _lists(recommender: Recommender, users: np.ndarray, k: int) -> pd.DataFrame:
    """`task, user_id, item_id, rank`: k items on each task for each user."""
    lists = recommender.recommend_of_tasks(users, k, TASKS)
    found = [of_task[[USER, ITEM, RANK]].assign(task=task) for task, of_task in lists.items()]
    return pd.concat(found, ignore_index=True)[["task", USER, ITEM, RANK]]


def _request_ms(recommender: Recommender, users: np.ndarray) -> dict[str, float]:
    """How long one shopper waits for ten items, asked one after another; the first few requests do not count."""
    times = []
    for user in users:
        begun = time.perf_counter()
        recommender.recommend([user], 10)
        times.append(1000 * (time.perf_counter() - begun))
    counted = times[min(WARM_UP, len(times) - 1) :]
    return {"requests": len(counted)} | {f"p{q}": float(np.percentile(counted, q)) for q in (50, 95, 99)}


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tasks.recommender", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    made = commands.add_parser("rebuild", help="the state as of a cutoff, with a ranker as it is")
    add_paths(
        made,
        {
            "params": "params.yaml that the ranker was trained with",
            "valid": "folder of valid tables",
            "ranker": "folder of the ranker",
        },
    )
    several = {"action": "append", "required": True}
    for name in ("cutoff", "end"):
        made.add_argument(f"--{name}", type=datetime.fromisoformat, **several, help="instant, ISO 8601 with zone")
    made.add_argument("--out", type=Path, **several, help="folder to make and fill with the bundle")
    asked = commands.add_parser("recommend", help="lists on both tasks for the users of a file")
    asked.add_argument("--bundle", type=Path, required=True, help="folder that rebuild or a run made")
    asked.add_argument("--users", type=Path, required=True, help="Parquet with a column user_id")
    asked.add_argument("--k", type=int, required=True, help="items a list")
    asked.add_argument("--out", type=Path, required=True, help="Parquet to write: task, user_id, item_id, rank")
    asked.add_argument("--unsold", type=Path, help="Parquet to write: user_id, item_id, rank of what was never sold")
    asked.add_argument("--latency", type=Path, help="JSON to write: milliseconds of single requests")
    asked.add_argument("--requests", type=int, default=200, help="how many of the users are asked for one by one")
    given = parser.parse_args()
    if given.command == "rebuild" and not len({*given.out}) == len(given.out) == len(given.cutoff) == len(given.end):
        made.error("each --out, another one every time, needs its own --cutoff and --end")
    return given


if __name__ == "__main__":
    run_stage(main)
