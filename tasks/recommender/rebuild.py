"""A recommender of another day: the same ranker, and all that it knows computed anew as of a cutoff."""

import tempfile
from pathlib import Path

from tasks.candidates.store import save_retrieval
from tasks.candidates.union import Retrieval
from tasks.features.compute import compute_features
from tasks.folds import Fold
from tasks.ingestion.valid import Valid
from tasks.params import Params
from tasks.recommender.recommender import bundle


def rebuild(valid: Valid, fold: Fold, params: Params, ranker: Path, out: Path) -> None:
    """Writes a bundle into the new folder `out`: `ranker` as it is, and the state as of the fold's cutoff.

    `params` are those that the ranker was trained with. Promotions are looked up in the fold's horizon.
    """
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".state-") as folder:
        features, retrieval = Path(folder) / "features", Path(folder) / "retrieval"
        features.mkdir()
        compute_features(valid, [fold], params.features, params.shop, features)
        tables = valid.events, valid.items, valid.promotions
        save_retrieval(Retrieval.to_serve(*tables, fold, params.candidates, params.shop), retrieval)
        bundle(ranker, features / fold.name, retrieval, valid.items, params.candidates, params.diversity, out)
