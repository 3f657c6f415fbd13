"""The DVC stage `rerank`: candidates, features and what was bought after them to a ranker."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from tasks.errors import DataContractError
from tasks.features.frame import FeatureTables, category_codes
from tasks.folds import Fold, labels, make_folds
from tasks.ingestion.valid import Valid
from tasks.params import BoosterParams, Params, load_params
from tasks.reranking.examples import Examples, concatenated, examples, is_relevant, sample_negatives
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


@dataclass(frozen=True)
class _Inputs:
    valid: Valid
    params: Params
    features: Path
    candidates: Path

    def examples(self, fold: Fold, task: Task) -> Examples:
        candidates = pd.read_parquet(self.candidates / fold.name / f"{task}.parquet")
        relevant = is_relevant(candidates, labels(self.valid.events, fold, self.params.shop, task))
        share = self.ranker(task).negatives if fold.kind == "train" else 1.0
        candidates, relevant = sample_negatives(candidates, relevant, share, self.ranker(task).seed)
        tables = FeatureTables(self.features / fold.name, self.valid.items, category_codes(self.valid.items))
        return examples(tables.frame(candidates), relevant)

    def ranker(self, task: Task) -> BoosterParams:
        return self.params.ranker.of(task)


def main() -> None:
    given = paths(__doc__, PATHS)
    params = load_params(given.params)
    inputs = _Inputs(Valid.read(given.valid), params, given.features, given.candidates)
    folds = make_folds(inputs.valid.events, params.folds, params.shop)
    train = [f for f in folds if f.kind == "train"]
    validation = next(f for f in folds if f.kind == "validation")
    ensembles = {}
    for task in TASKS:
        wanted = [*train[-(inputs.ranker(task).folds or 0) :], validation]
        with ThreadPoolExecutor(processes()) as pool:
            *past, stop_on = pool.map(partial(inputs.examples, task=task), wanted)
        learned = concatenated(past)
        _refuse_nothing_to_learn(learned, stop_on, task)
        ensembles[task] = fit_ensemble(learned, stop_on, inputs.ranker(task))
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
