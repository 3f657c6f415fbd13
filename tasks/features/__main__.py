"""The DVC stage `features`: valid tables to feature tables as of the cutoff of every fold."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from tasks.features.compute import compute_features
from tasks.features.relations import described_by
from tasks.folds import Fold, make_folds, targets
from tasks.ingestion.valid import Valid
from tasks.kept_folds import KeptFolds, Rows, digest, digest_of_code, lock_beside
from tasks.params import Params, load_params
from tasks.schema import ITEM, QUANTITY, SESSION, TIMESTAMP, USER, VALUE
from tasks.stage import paths, run_stage

PATHS = {
    "params": "params.yaml",
    "valid": "folder of valid tables",
    "features": "folder to fill, a folder a fold",
}
CODE = ("errors.py", "features", "folds.py", "ingestion", "kept_folds.py", "params", "schema.py", "stage.py")
"""Of `tasks`: what the tables of a fold depend on."""


def main() -> None:
    given = paths(__doc__, PATHS)
    params = load_params(given.params)
    valid = Valid.read(given.valid)
    folds = make_folds(valid.events, params.folds, params.shop)
    with KeptFolds(given.features, made_from(valid, folds, params, lock_beside(given.params))) as kept:
        missing = [fold for fold in folds if fold.name in kept.missing()]
        if missing:
            compute_features(valid, missing, params.features, params.shop, kept.scratch)
        for fold in missing:
            kept.add(fold.name, kept.scratch / fold.name)


def made_from(valid: Valid, folds: Sequence[Fold], params: Params, lock: Path) -> dict[str, str]:
    """Fold to the digest of all that its tables are computed from."""
    common = (digest_of_code(CODE, lock), params.shop.model_dump(mode="json"), params.features.model_dump(mode="json"))
    hits = targets(valid.events, params.shop)
    lines = Rows(hits[[USER, ITEM, SESSION, TIMESTAMP, QUANTITY, VALUE]])
    items = Rows(valid.items[[ITEM, *described_by(valid.items.columns)]])
    promotions = None if valid.promotions is None else Rows(valid.promotions)

    def of(fold: Fold) -> str:
        past = (hits[TIMESTAMP] < fold.cutoff).to_numpy()
        known = valid.items[ITEM].isin(hits.loc[past, ITEM].unique()).to_numpy()
        told = None
        if promotions is not None and valid.promotions is not None:
            near = (valid.promotions["start"] < fold.end) & (valid.promotions["end"] > fold.cutoff - fold.horizon)
            told = promotions.digest(near.to_numpy())
        of_time = (fold.cutoff, fold.horizon // timedelta(microseconds=1))
        return digest(*common, *of_time, lines.digest(past), items.digest(known), told)

    return {fold.name: of(fold) for fold in folds}


if __name__ == "__main__":
    run_stage(main)
