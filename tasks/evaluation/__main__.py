"""The DVC stage `evaluate`: the ranker on the test fold to metrics, evidence per user, and lists to look at."""

import argparse
import json
from pathlib import Path

from tasks.evaluation.gather import gather, shoppers_to_show
from tasks.evaluation.judgement import evaluate
from tasks.folds import make_folds
from tasks.ingestion.valid import Valid
from tasks.params import load_params
from tasks.recommender import Recommender
from tasks.stage import run_stage


def main() -> None:
    paths = _parse()
    params = load_params(paths.params)
    valid = Valid.read(paths.valid)
    fold = next(f for f in make_folds(valid.events, params.folds, params.shop) if f.kind == "test")
    recommender = Recommender.assemble(
        paths.ranker, paths.features / fold.name, paths.candidates / fold.name, valid.items, params.candidates
    )
    evidence = gather(recommender, valid, fold, params.shop, max(params.evaluation.list_lengths))
    evaluate(evidence, params.evaluation).save(paths.reports)
    shown = json.dumps(shoppers_to_show(evidence, valid, params.shop), indent=2, ensure_ascii=False)
    (paths.reports / "examples.json").write_text(shown + "\n", encoding="utf-8")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tasks.evaluation", description=__doc__)
    parser.add_argument("--params", type=Path, required=True, help="params.yaml")
    parser.add_argument("--valid", type=Path, required=True, help="folder of valid tables")
    parser.add_argument("--features", type=Path, required=True, help="folder of feature tables")
    parser.add_argument("--candidates", type=Path, required=True, help="folder of candidates")
    parser.add_argument("--ranker", type=Path, required=True, help="folder of the ranker")
    parser.add_argument("--reports", type=Path, required=True, help="folder to write to")
    return parser.parse_args()


if __name__ == "__main__":
    run_stage(main)
