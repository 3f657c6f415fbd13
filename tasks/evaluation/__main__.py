"""The DVC stage `evaluate`: the ranker on the test fold to metrics, evidence per user, and lists to look at."""

import json

from tasks.evaluation.gather import gather, shoppers_to_show
from tasks.evaluation.judgement import evaluate
from tasks.folds import make_folds
from tasks.ingestion.valid import Valid
from tasks.params import load_params
from tasks.recommender import Recommender
from tasks.stage import paths, run_stage

PATHS = {
    "params": "params.yaml",
    "valid": "folder of valid tables",
    "features": "folder of feature tables",
    "candidates": "folder of candidates",
    "ranker": "folder of the ranker",
    "reports": "folder to write to",
}


def main() -> None:
    given = paths(__doc__, PATHS)
    params = load_params(given.params)
    valid = Valid.read(given.valid)
    fold = next(f for f in make_folds(valid.events, params.folds, params.shop) if f.kind == "test")
    recommender = Recommender.assemble(
        given.ranker,
        given.features / fold.name,
        given.candidates / fold.name,
        valid.items,
        params.candidates,
        params.diversity,
    )
    evidence = gather(recommender, valid, fold, params)
    evaluate(evidence, params.evaluation).save(given.reports)
    shown = json.dumps(shoppers_to_show(evidence, valid, params.shop), indent=2, ensure_ascii=False)
    (given.reports / "examples.json").write_text(shown + "\n", encoding="utf-8")


if __name__ == "__main__":
    run_stage(main)
