"""A recommender of another day: the same ranker, and all that it knows computed anew as of a cutoff."""

import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from tasks.candidates.store import save_retrieval
from tasks.candidates.union import Retrieval
from tasks.features.compute import compute_features
from tasks.folds import Fold
from tasks.ingestion.valid import Valid
from tasks.params import Params
from tasks.recommender.recommender import bundle
from tasks.stage import processes


def rebuild(valid: Valid, states: Mapping[Path, Fold], params: Params, ranker: Path) -> None:
    """Writes bundles into new folders, each with `ranker` as it is and the state as of its fold's cutoff.

    `params` are those that the ranker was trained with. Promotions are looked up in the folds' horizons.
    """
    beside = next(iter(states)).parent
    folds = {out: replace(fold, name=f"state-{n}") for n, (out, fold) in enumerate(states.items())}
    with tempfile.TemporaryDirectory(dir=beside, prefix=".state-") as folder:
        features = Path(folder) / "features"
        features.mkdir()
        compute_features(valid, list(folds.values()), params.features, params.shop, features)

        def complete(state: tuple[Path, Fold]) -> None:
            (out, fold), tables = state, (valid.events, valid.items, valid.promotions)
            retrieval = Path(folder) / fold.name
            save_retrieval(Retrieval.to_serve(*tables, fold, params.candidates, params.shop), retrieval)
            bundle(ranker, features / fold.name, retrieval, valid.items, params.candidates, params.diversity, out)

        with ThreadPoolExecutor(processes()) as pool:
            list(pool.map(complete, folds.items()))
