"""One peer, one week, in a process of its own: fitted, asked, and measured. Runs in the peers' environment.

    python -m tests.benchmarks.peers.fit --peer 'user kNN' --settings settings.json --history folder \\
        --users users.parquet --out folder

`settings.json` holds a list of settings a task, each tried in turn, for a folder each: 0, 1 and on. Where the tasks'
settings are alike and the peer does not look at the task, it is fitted once.
"""

import argparse
import json
import time
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from tasks.schema import TASKS, USER, Task
from tasks.stage import add_paths
from tests.benchmarks.peers.history import History
from tests.benchmarks.peers.known import PEERS, THREADS

DEPTH = 100
SPENT = "spent.json"


class Peer(Protocol):
    def fit(self, history: History, task: Task) -> None: ...

    def lists(self, users: NDArray[Any], k: int, task: Task) -> pd.DataFrame:
        """`user_id, item_id, rank` from 1; a user may have a short list or none."""
        ...


def main() -> None:
    given = _parse()
    peer = PEERS[given.peer]
    history = History.load(given.history)
    users = pd.read_parquet(given.users)[USER].to_numpy()
    tried: list[dict[Task, dict[str, Any]]] = json.loads(given.settings.read_text(encoding="utf-8"))
    module, _, name = peer.made_by.partition(":")
    make = getattr(import_module(f"tests.benchmarks.peers.{module}"), name)
    for number, settings in enumerate(tried):
        out = given.out / str(number)
        out.mkdir(parents=True, exist_ok=True)
        with threadpool_limits(limits=THREADS if peer.threads_blas else 1, user_api="blas"):
            spent = _run(make, peer.per_task, history, users, settings, out)
        (out / SPENT).write_text(json.dumps(spent), encoding="utf-8")


def _run(
    make: Any, per_task: bool, history: History, users: NDArray[Any], settings: dict[Task, dict[str, Any]], out: Path
) -> dict[str, float]:
    """Seconds on the clock and of processors, to fit and to recommend, over all tasks together."""
    spent = {"fit_s": 0.0, "fit_cpu_s": 0.0, "recommend_s": 0.0, "recommend_cpu_s": 0.0}
    made: list[tuple[dict[str, Any], Peer]] = []
    served: list[Task] = [task for task in TASKS if task in settings]
    for task in served:
        fitted = next((peer for of, peer in made if of == settings[task] and not per_task), None)
        if fitted is None:
            begun, begun_cpu = time.perf_counter(), time.process_time()
            fitted = make(**settings[task])
            fitted.fit(history, task)
            made = [(settings[task], fitted)]
            spent["fit_s"] += time.perf_counter() - begun
            spent["fit_cpu_s"] += time.process_time() - begun_cpu
        begun, begun_cpu = time.perf_counter(), time.process_time()
        lists = fitted.lists(users, DEPTH, task)
        spent["recommend_s"] += time.perf_counter() - begun
        spent["recommend_cpu_s"] += time.process_time() - begun_cpu
        lists.to_parquet(out / f"{task}.parquet", index=False)
    return spent


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.peers.fit", description=__doc__)
    parser.add_argument("--peer", choices=list(PEERS), required=True)
    add_paths(
        parser,
        {
            "settings": "JSON, a list of settings a task",
            "history": "folder with the purchases before the cutoff",
            "users": "Parquet with a column user_id",
            "out": "folder to fill",
        },
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
