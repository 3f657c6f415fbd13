"""The DVC stage `rerank`: candidates, features and what was bought after them to a ranker."""

import json

from tasks.features.frame import category_codes
from tasks.folds import make_folds
from tasks.ingestion.valid import Valid
from tasks.kept_folds import digest_of_code, lock_beside
from tasks.params import load_params
from tasks.reranking.boosters import Plan, make_boosters
from tasks.reranking.inputs import Inputs
from tasks.reranking.kept_examples import make_examples
from tasks.reranking.ranker import LEARNED, Ensemble, Ranker
from tasks.schema import TASKS, Task
from tasks.stage import paths, run_stage

PATHS = {
    "params": "params.yaml",
    "valid": "folder of valid tables",
    "features": "folder of feature tables",
    "candidates": "folder of candidates",
    "examples": "folder to fill with what is learned from, a folder a fold",
    "boosters": "folder to fill, a folder a booster",
    "ranker": "folder to write the ranker to",
}
CODE = (
    "errors.py",
    "features",
    "folds.py",
    "ingestion",
    "kept_folds.py",
    "params",
    "reranking",
    "schema.py",
    "stage.py",
)
"""Of `tasks`: what examples and boosters depend on."""


def main() -> None:
    given = paths(__doc__, PATHS)
    params = load_params(given.params)
    inputs = Inputs(Valid.read(given.valid), params.shop, given.features, given.candidates)
    folds = make_folds(inputs.valid.events, params.folds, params.shop)
    learned_from = [fold for fold in folds if fold.kind in ("train", "validation")]
    code = digest_of_code(CODE, lock_beside(given.params))
    make_examples(given.examples, inputs, learned_from, params.ranker, code)
    names = [fold.name for fold in learned_from]
    plans = [Plan.of(given.examples, names, task, params.ranker.of(task)) for task in TASKS]
    make_boosters(given.boosters, given.examples, plans, code)
    ensembles: dict[Task, Ensemble] = {plan.task: plan.ensemble(given.boosters) for plan in plans}
    Ranker(ensembles, category_codes(inputs.valid.items)).save(given.ranker)
    # Whoever judges this ranker later must use a fold that begins no earlier than this.
    learned = {"until": learned_from[-1].end.isoformat()}
    (given.ranker / LEARNED).write_text(json.dumps(learned) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run_stage(main)
