"""A finished run that a benchmark looks at: where it lies, and its recommender as of the test fold."""

import argparse
from pathlib import Path

import pandas as pd

from tasks.params import Params
from tasks.params.ranker import DiversityParams
from tasks.recommender import Recommender


def add_finished_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--params", type=Path, default=Path("params.yaml"))
    parser.add_argument("--valid", type=Path, default=Path("data/valid"), help="of a finished run, as the next three")
    parser.add_argument("--features", type=Path, default=Path("data/features"))
    parser.add_argument("--candidates", type=Path, default=Path("data/candidates"))
    parser.add_argument("--ranker", type=Path, default=Path("models/ranker"))


def tested_recommender(given: argparse.Namespace, items: pd.DataFrame, params: Params) -> Recommender:
    """As of the test fold, with nothing re-ranked."""
    parts = given.ranker, given.features / "test", given.candidates / "test"
    return Recommender.assemble(*parts, items, params.candidates, DiversityParams())
