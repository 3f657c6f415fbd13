"""The DVC stage `candidates`: valid events to candidates for the folds that the ranker learns from, and to fitted
retrievers for the folds that it is used on."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from tasks.candidates.store import load_retrieval, save_retrieval
from tasks.candidates.union import Retrieval
from tasks.folds import Fold, labels, make_folds
from tasks.ingestion.valid import read_beside, read_events
from tasks.kept_folds import KeptFolds, Rows, digest, digest_of_code, lock_beside
from tasks.params import Params, load_params
from tasks.schema import EVENT_TYPE, ITEM, ITEMS, PROMOTIONS, SESSION, TASKS, TIMESTAMP, USER, categories
from tasks.stage import paths, processes, run_stage

PATHS = {
    "params": "params.yaml",
    "valid": "folder of valid tables",
    "candidates": "folder to fill, a folder a fold",
}
CODE = ("candidates", "errors.py", "folds.py", "ingestion", "kept_folds.py", "params", "schema.py", "stage.py")
"""Of `tasks`: what a fold's candidates depend on."""
_COLUMNS = (USER, ITEM, EVENT_TYPE, TIMESTAMP, SESSION)
_USED = ("test", "serve")
"""Kinds of folds on which a ranker is used: of these the retrievers are kept, of the others the candidates."""


def main() -> None:
    given = paths(__doc__, PATHS)
    params = load_params(given.params)
    events = read_events(given.valid, _COLUMNS)
    folds = make_folds(events, params.folds, params.shop)
    items, promotions = _beside(given.valid)
    fitted = fitted_from(events, promotions, folds, params, lock_beside(given.params))
    served = served_from(fitted, events, folds, items)
    learners = {fold.name: learned_from(events, fold, params) for fold in folds if fold.kind not in _USED}
    wanted = served | {name: digest(fitted[name], TASKS, users.tolist()) for name, users in learners.items()}
    with KeptFolds(given.candidates, wanted) as kept:
        missing = kept.missing()
        Parallel(n_jobs=processes())(
            delayed(_make_fold)(given.valid, fold, params, kept, served[fold.name], learners.get(fold.name))
            for fold in folds
            if fold.name in missing
        )


def fitted_from(
    events: pd.DataFrame, promotions: pd.DataFrame | None, folds: Sequence[Fold], params: Params, lock: Path
) -> dict[str, str]:
    """Fold to the digest of all that its retrievers are fitted on."""
    common = (
        digest_of_code(CODE, lock),
        params.shop.model_dump(mode="json"),
        params.candidates.model_dump(mode="json"),
    )
    rows = Rows(events[list(_COLUMNS)])
    promoted = None if promotions is None else Rows(promotions)

    def of(fold: Fold) -> str:
        told = None
        if promotions is not None and promoted is not None:
            told = promoted.digest((promotions["start"] < fold.end).to_numpy())
        of_time = (fold.cutoff, fold.horizon // timedelta(microseconds=1))
        return digest(*common, *of_time, rows.digest((events[TIMESTAMP] < fold.cutoff).to_numpy()), told)

    return {fold.name: of(fold) for fold in folds}


def served_from(
    fitted: dict[str, str], events: pd.DataFrame, folds: Sequence[Fold], items: pd.DataFrame
) -> dict[str, str]:
    """Fold to the digest of all that its retrieval is made of where it serves: more than its retrievers know."""
    described = Rows(items[[ITEM, *categories(list(items.columns))]])

    def of(fold: Fold) -> str:
        known = items[ITEM].isin(events.loc[events[TIMESTAMP] < fold.cutoff, ITEM].unique()).to_numpy()
        return digest(fitted[fold.name], described.digest(known))

    return {fold.name: of(fold) for fold in folds}


def _beside(valid: Path) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Items as far as the shop describes them, and promotions where it has some."""
    items = read_beside(valid, ITEMS)
    return pd.DataFrame({ITEM: []}) if items is None else items, read_beside(valid, PROMOTIONS)


def learned_from(events: pd.DataFrame, fold: Fold, params: Params) -> NDArray[Any]:
    """The users whose candidates are wanted: one without a label teaches a ranker nothing."""
    return np.sort(labels(events, fold, params.shop, "all")[USER].unique())


def _make_fold(
    valid: Path, fold: Fold, params: Params, kept: KeptFolds, served: str, learners: NDArray[Any] | None
) -> None:
    """`learners`: the users whose candidates are wanted; None: the retrievers are."""
    with threadpool_limits(limits=1, user_api="blas"):
        out, known = kept.scratch / fold.name, kept.place(served)
        out.mkdir()
        if learners is None:
            tables = read_events(valid, _COLUMNS), *_beside(valid)
            save_retrieval(Retrieval.to_serve(*tables, fold, params.candidates, params.shop), out)
        elif known.is_dir():
            # The fold that a ranker was tested on is one to learn from now.
            _write_candidates(load_retrieval(known), learners, params, out)
        else:
            tables = read_events(valid, _COLUMNS), read_beside(valid, PROMOTIONS)
            retrieval = Retrieval.to_learn(*tables, fold, params.candidates, params.shop)
            _write_candidates(retrieval, learners, params, out)
        kept.add(fold.name, out)


def _write_candidates(retrieval: Retrieval, learners: NDArray[Any], params: Params, out: Path) -> None:
    users = np.flatnonzero(np.isin(retrieval.users, learners))
    for task, found in retrieval.candidates_of_tasks(users, TASKS, params.candidates).items():
        found.to_parquet(out / f"{task}.parquet", index=False)


if __name__ == "__main__":
    run_stage(main)
