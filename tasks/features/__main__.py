"""The DVC stage `features`: valid tables to feature tables as of the cutoff of every fold."""

from tasks.features.compute import compute_features
from tasks.folds import make_folds
from tasks.ingestion.valid import Valid
from tasks.params import load_params
from tasks.stage import paths, run_stage

PATHS = {
    "params": "params.yaml",
    "valid": "folder of valid tables",
    "features": "folder to fill, a folder a fold",
}


def main() -> None:
    given = paths(__doc__, PATHS)
    params = load_params(given.params)
    valid = Valid.read(given.valid)
    folds = make_folds(valid.events, params.folds, params.shop)
    given.features.mkdir(parents=True, exist_ok=True)
    compute_features(valid, folds, params.features, params.shop, given.features)


if __name__ == "__main__":
    run_stage(main)
