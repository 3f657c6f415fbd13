"""The DVC stage `features`: valid tables to feature tables as of the cutoff of every fold."""

import argparse
from pathlib import Path

from tasks.features.compute import compute_features
from tasks.folds import make_folds
from tasks.ingestion.valid import Valid
from tasks.params import load_params
from tasks.stage import run_stage


def main() -> None:
    paths = _parse()
    params = load_params(paths.params)
    valid = Valid.read(paths.valid)
    folds = make_folds(valid.events, params.folds, params.shop)
    paths.features.mkdir(parents=True, exist_ok=True)
    compute_features(valid, folds, params.features, params.shop, paths.features)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tasks.features", description=__doc__)
    parser.add_argument("--params", type=Path, required=True, help="params.yaml")
    parser.add_argument("--valid", type=Path, required=True, help="folder of valid tables")
    parser.add_argument("--features", type=Path, required=True, help="folder to fill, a folder a fold")
    return parser.parse_args()


if __name__ == "__main__":
    run_stage(main)
