"""The DVC stage `candidates`: valid events to candidates for the folds that the ranker learns from, and to fitted
retrievers for the folds that it is used on."""

from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from tasks.candidates.store import save_retrieval
from tasks.candidates.union import Retrieval
from tasks.folds import Fold, labels, make_folds
from tasks.ingestion.valid import read_events
from tasks.params import Params, load_params
from tasks.schema import EVENT_TYPE, ITEM, SESSION, TASKS, TIMESTAMP, USER
from tasks.stage import paths, processes, run_stage

PATHS = {
    "params": "params.yaml",
    "valid": "folder of valid tables",
    "candidates": "folder to fill, a folder a fold",
}
_COLUMNS = (USER, ITEM, EVENT_TYPE, TIMESTAMP, SESSION)


def main() -> None:
    given = paths(__doc__, PATHS)
    params = load_params(given.params)
    events = read_events(given.valid, _COLUMNS)
    folds = make_folds(events, params.folds, params.shop)
    Parallel(n_jobs=processes())(
        delayed(_write_fold)(given.valid, fold, params, given.candidates / fold.name) for fold in folds
    )


def _write_fold(valid: Path, fold: Fold, params: Params, out: Path) -> None:
    with threadpool_limits(limits=1, user_api="blas"):
        _fit_and_write(read_events(valid, _COLUMNS), fold, params, out)


def _fit_and_write(events: pd.DataFrame, fold: Fold, params: Params, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    retrieval = Retrieval.as_of(events, fold.cutoff, params.candidates, params.shop)
    if fold.kind in ("test", "serve"):
        save_retrieval(retrieval, out)
        return
    # A user without a label teaches a ranker nothing.
    learned_from = labels(events, fold, params.shop, "all")[USER].unique()
    users = np.flatnonzero(np.isin(retrieval.users, learned_from))
    for task, found in retrieval.candidates_of_tasks(users, TASKS, params.candidates).items():
        found.to_parquet(out / f"{task}.parquet", index=False)


if __name__ == "__main__":
    run_stage(main)
