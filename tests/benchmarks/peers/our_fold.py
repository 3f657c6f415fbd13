"""What shoprec knows as of one fold, in a process of its own: feature tables, candidates, and the fitted retrievers.

    python -m tests.benchmarks.peers.our_fold --valid data/valid --params params.yaml --cutoff 2017-12-25 --out folder

The same for a fold that a ranker learns from and for one that it is tested on, so that weeks can share it. Events that
are not before the end of the fold's horizon are not there at all.
"""

import argparse
from datetime import datetime

import numpy as np

from tasks.candidates.store import save_retrieval
from tasks.candidates.union import Retrieval
from tasks.features.compute import compute_features
from tasks.folds import Fold, labels
from tasks.ingestion.valid import Valid
from tasks.params import load_params
from tasks.schema import TASKS, TIMESTAMP, USER
from tasks.stage import add_paths, run_stage

FEATURES, RETRIEVAL = "features", "retrieval"


def main() -> None:
    given = _parse()
    params = load_params(given.params)
    whole = Valid.read(given.valid)
    events = whole.events[whole.events[TIMESTAMP] < given.end]
    valid = Valid(events, whole.items, whole.users, whole.promotions)
    fold = Fold(FEATURES, given.cutoff, given.end - given.cutoff)
    given.out.mkdir(parents=True)
    compute_features(valid, [fold], params.features, params.shop, given.out)
    retrieval = Retrieval.to_serve(events, valid.items, valid.promotions, fold, params.candidates, params.shop)
    save_retrieval(retrieval, given.out / RETRIEVAL)
    learned_from = labels(events, fold, params.shop, "all")[USER].unique()
    users = np.flatnonzero(np.isin(retrieval.users, learned_from))
    for task, found in retrieval.candidates_of_tasks(users, TASKS, params.candidates).items():
        found.to_parquet(given.out / f"{task}.parquet", index=False)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.peers.our_fold", description=__doc__)
    add_paths(
        parser,
        {
            "valid": "folder of valid tables",
            "params": "params.yaml",
            "out": "folder to make and fill",
        },
    )
    for name in ("cutoff", "end"):
        parser.add_argument(f"--{name}", type=datetime.fromisoformat, required=True, help="instant, ISO 8601 with zone")
    return parser.parse_args()


if __name__ == "__main__":
    run_stage(main)
