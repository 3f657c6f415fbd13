"""The DVC stage `rerank`: candidates, features and what was bought after them to a ranker."""

import argparse
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
from tasks.reranking.ranker import LEARNED, Ranker, fit_boosters
from tasks.schema import TASKS, Task
from tasks.stage import processes, run_stage


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
    paths = _parse()
    params = load_params(paths.params)
    inputs = _Inputs(Valid.read(paths.valid), params, paths.features, paths.candidates)
    folds = make_folds(inputs.valid.events, params.folds, params.shop)
    train = [f for f in folds if f.kind == "train"]
    validation = next(f for f in folds if f.kind == "validation")
    boosters = {}
    for task in TASKS:
        wanted = [*train[-(inputs.ranker(task).folds or 0) :], validation]
        with ThreadPoolExecutor(processes()) as pool:
            *past, stop_on = pool.map(partial(inputs.examples, task=task), wanted)
        learned = concatenated(past)
        _refuse_nothing_to_learn(learned, stop_on, task)
        boosters[task] = fit_boosters(learned, stop_on, inputs.ranker(task))
    Ranker(boosters, category_codes(inputs.valid.items)).save(paths.ranker)
    # Whoever judges this ranker later must use a fold that begins no earlier than this.
    learned = {"until": validation.end.isoformat()}
    (paths.ranker / LEARNED).write_text(json.dumps(learned) + "\n", encoding="utf-8")


def _refuse_nothing_to_learn(train: Examples, validation: Examples, task: Task) -> None:
    for name, found in (("train folds", train), ("validation fold", validation)):
        if not found.label.any():
            raise DataContractError(
                f"task {task}: no candidate of the {name} was bought in its horizon, so there is nothing to learn from;"
                " lower candidates.universe_min_buyers, raise candidates.*.depth_*, or ingest more days"
            )


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tasks.reranking", description=__doc__)
    parser.add_argument("--params", type=Path, required=True, help="params.yaml")
    parser.add_argument("--valid", type=Path, required=True, help="folder of valid tables")
    parser.add_argument("--features", type=Path, required=True, help="folder of feature tables")
    parser.add_argument("--candidates", type=Path, required=True, help="folder of candidates")
    parser.add_argument("--ranker", type=Path, required=True, help="folder to write the ranker to")
    return parser.parse_args()


if __name__ == "__main__":
    run_stage(main)
