"""The DVC stage `rerank`: candidates, features and what was bought after them to a ranker."""

import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tasks.errors import DataContractError
from tasks.features.frame import category_codes
from tasks.folds import make_folds
from tasks.ingestion.valid import Valid
from tasks.params import load_params
from tasks.reranking.examples import Examples, concatenated
from tasks.reranking.inputs import Inputs
from tasks.reranking.ranker import LEARNED, Ranker, fit_ensemble
from tasks.schema import TASKS, Task
from tasks.stage import paths, processes, run_stage

PATHS = {
    "params": "params.yaml",
    "valid": "folder of valid tables",
    "features": "folder of feature tables",
    "candidates": "folder of candidates",
    "ranker": "folder to write the ranker to",
}


def main() -> None:
    given = paths(__doc__, PATHS)
    params = load_params(given.params)
    inputs = Inputs(Valid.read(given.valid), params.shop, given.features, given.candidates)
    folds = make_folds(inputs.valid.events, params.folds, params.shop)
    train = [f for f in folds if f.kind == "train"]
    validation = next(f for f in folds if f.kind == "validation")
    ensembles = {}
    for task in TASKS:
        ranker = params.ranker.of(task)
        wanted = [*train[-(ranker.folds or 0) :], validation]
        with ThreadPoolExecutor(processes()) as pool:
            *past, stop_on = pool.map(partial(inputs.examples, task=task, params=ranker), wanted)
        learned = concatenated(past)
        _refuse_nothing_to_learn(learned, stop_on, task)
        ensembles[task] = fit_ensemble(learned, stop_on, ranker)
    Ranker(ensembles, category_codes(inputs.valid.items)).save(given.ranker)
    # Whoever judges this ranker later must use a fold that begins no earlier than this.
    learned = {"until": validation.end.isoformat()}
    (given.ranker / LEARNED).write_text(json.dumps(learned) + "\n", encoding="utf-8")


def _refuse_nothing_to_learn(train: Examples, validation: Examples, task: Task) -> None:
    for name, found in (("train folds", train), ("validation fold", validation)):
        if not found.label.any():
            raise DataContractError(
                f"task {task}: no candidate of the {name} was bought in its horizon, so there is nothing to learn from;"
                " lower candidates.universe_min_buyers, raise candidates.*.depth_*, or ingest more days"
            )


if __name__ == "__main__":
    run_stage(main)
