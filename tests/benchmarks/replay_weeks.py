"""A year of weekly folds, of the rankers that weekly retrains would have learned on them, and of what each of these
would have recommended in each later week. All of it is kept on disk, so that a replay that was killed goes on."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.candidates.union import Retrieval
from tasks.evaluation.metrics import ndcg
from tasks.features.compute import compute_features
from tasks.features.frame import FeatureTables, Frame, category_codes
from tasks.folds import Fold, labels, make_folds
from tasks.ingestion.valid import Valid
from tasks.params import Params
from tasks.params.ranker import BoosterParams, FoldParams
from tasks.reranking.examples import Examples, examples, is_relevant, sample_rows
from tasks.reranking.fitting import fit_ensemble
from tasks.reranking.ranker import Ensemble, Ranker
from tasks.schema import ITEM, RANK, TASKS, USER, Task

TRAIN = 4
"""Train folds of a ranker; the project's own takes eight, for which a year is short."""
FIRST = TRAIN + 2
"""Number of the first ranker: it learns from the folds before FIRST - 1, and serves from fold FIRST on."""
LABELLED = 43
"""Folds with labels in the year; the first of them has nine weeks of history."""
K = 10
USERS = 2
"""One user in so many is learned from and measured: the same ones in every week. Retrievers know all users."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Weeks:
    """Folds are numbered from 0, the oldest. Ranker r is what a retrain at the cutoff of fold r learns: from folds
    r - 6 … r - 3, stopped early on r - 2 and measured on r - 1, as a real retrain then."""

    valid: Valid
    params: Params
    cache: Path
    say: Say

    @cached_property
    def folds(self) -> list[Fold]:
        """The last one serves, and has no labels."""
        return make_folds(self.valid.events, FoldParams(horizon_days=7, train=LABELLED - 2), self.params.shop)

    @property
    def rankers(self) -> range:
        return range(FIRST, LABELLED)

    def features(self, fold: int) -> Path:
        return self._fold(fold) / "features" / self.folds[fold].name

    def prepare(self, fold: int) -> None:
        """Features, candidates and all that a ranker reads of them, as of the fold's cutoff."""
        out = self._fold(fold)
        if (out / "done").exists():
            return
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        begun, of = process_time(), self.folds[fold]
        compute_features(self.valid, [of], self.params.features, self.params.shop, out / "features")
        known = self.valid.events, self.valid.promotions
        retrieval = Retrieval.to_learn(*known, of, self.params.candidates, self.params.shop)
        learned_from = labels(self.valid.events, of, self.params.shop, "all")[USER].unique()
        users = np.flatnonzero(np.isin(retrieval.users, learned_from[_is_drawn(learned_from)]))
        tables = FeatureTables(self.features(fold), self.valid.items, self._codes)
        for task, found in retrieval.candidates_of_tasks(users, TASKS, self.params.candidates).items():
            frame = tables.frame(found)
            np.save(out / f"{task}.npy", frame.matrix)
            found[[USER, ITEM]].to_parquet(out / f"{task}.parquet", index=False)
            told = {"names": frame.names, "categorical": frame.categorical}
            (out / f"{task}.json").write_text(json.dumps(told), encoding="utf-8")
        (out / "done").write_text(f"{process_time() - begun:.1f}", encoding="utf-8")
        self.say(f"fold {fold} of {LABELLED}: {process_time() - begun:.0f} s")

    def learn(self, ranker: int) -> float:
        """Seconds of processor time that it took, once."""
        out = self.cache / f"ranker-{ranker}"
        if not (out / "seconds").exists():
            begun = process_time()
            ensembles: dict[Task, Ensemble] = {
                task: fit_ensemble(*self._learned_from(ranker, task), self._booster(task)) for task in TASKS
            }
            Ranker(ensembles, self._codes).save(out)
            (out / "seconds").write_text(f"{process_time() - begun:.1f}", encoding="utf-8")
            self.say(f"ranker {ranker}: {process_time() - begun:.0f} s")
        return float((out / "seconds").read_text(encoding="utf-8"))

    def seconds_of_fold(self, fold: int) -> float:
        self.prepare(fold)
        return float((self._fold(fold) / "done").read_text(encoding="utf-8"))

    def lists(self, ranker: int, fold: int) -> pd.DataFrame:
        """`task, user_id, item_id, rank`: the first ten for every user with a label, state as of the fold's cutoff."""
        out = self._fold(fold) / f"lists-{ranker}.parquet"
        if not out.exists():
            self.prepare(fold)
            self.learn(ranker)
            loaded = Ranker.load(self.cache / f"ranker-{ranker}")
            found = pd.concat([self._best(loaded, fold, task) for task in TASKS], ignore_index=True)
            found.to_parquet(out, index=False)
        return pd.read_parquet(out)

    def values(self, ranker: int, fold: int, task: Task) -> pd.Series:
        """NDCG@10 of each user with a label of the task, by user."""
        out = self._fold(fold) / f"{task}-{ranker}.values.parquet"
        if not out.exists():
            self._scored(self.lists(ranker, fold), fold, task).to_frame("ndcg").to_parquet(out)
        return pd.read_parquet(out)["ndcg"]

    def _scored(self, lists: pd.DataFrame, fold: int, task: Task) -> pd.Series:
        relevant = labels(self.valid.events, self.folds[fold], self.params.shop, task)
        relevant = relevant[_is_drawn(relevant[USER].to_numpy())]
        users = pd.Index(relevant[USER].unique())
        of_task = lists[lists["task"] == task]
        hits = np.zeros((len(users), K), dtype=bool)
        found = of_task[is_relevant(of_task, relevant)]
        rows = users.get_indexer(pd.Index(found[USER]))
        hits[rows[rows >= 0], found[RANK].to_numpy()[rows >= 0] - 1] = True
        counts = relevant.groupby(USER).size().reindex(users).to_numpy().astype(np.int64)
        return pd.Series(ndcg(hits, counts, K), index=users.rename(USER))

    def _best(self, ranker: Ranker, fold: int, task: Task) -> pd.DataFrame:
        frame = self._frame(fold, task)
        keys = frame.keys.assign(score=ranker.score(frame, task))
        keys = keys.sort_values([USER, "score"], ascending=[True, False], kind="stable")
        keys[RANK] = keys.groupby(USER).cumcount() + 1
        return keys.loc[keys[RANK] <= K, [USER, ITEM, RANK]].assign(task=task)[["task", USER, ITEM, RANK]]

    def _learned_from(self, ranker: int, task: Task) -> tuple[list[Examples], Examples]:
        *past, stop_on = (self._examples(fold, task) for fold in range(ranker - FIRST, ranker - 1))
        return past, stop_on

    def _examples(self, fold: int, task: Task) -> Examples:
        self.prepare(fold)
        frame = self._frame(fold, task)
        relevant = is_relevant(frame.keys, labels(self.valid.events, self.folds[fold], self.params.shop, task))
        numbered = frame.keys.assign(_row=np.arange(len(frame.keys)))
        chosen, label = sample_rows(numbered, relevant, *self._booster(task).sampling)
        rows = frame.matrix[chosen["_row"].to_numpy()]
        return examples(Frame(chosen[[USER, ITEM]], rows, frame.names, frame.categorical), label)

    def _frame(self, fold: int, task: Task) -> Frame:
        folder = self._fold(fold)
        matrix: NDArray[np.float32] = np.load(folder / f"{task}.npy", mmap_mode="r")
        told = json.loads((folder / f"{task}.json").read_text(encoding="utf-8"))
        return Frame(pd.read_parquet(folder / f"{task}.parquet"), matrix, told["names"], told["categorical"])

    def _booster(self, task: Task) -> BoosterParams:
        """The project's, but one booster in few large steps, which learns in a tenth of the time."""
        own = self.params.ranker.of(task)
        changed = {
            "boosters": 1,
            "rounds": 60,
            "patience": 10,
            "learning_rate": 0.2,
            "folds": None,
            "span": None,
            "threads": 1,
        }
        return own.model_copy(update=changed)

    def _fold(self, number: int) -> Path:
        return self.cache / f"fold-{number}"

    @cached_property
    def _codes(self) -> dict[str, dict[str, int]]:
        return category_codes(self.valid.items)


def _is_drawn(users: NDArray[Any]) -> NDArray[np.bool_]:
    return pd.util.hash_array(users) % USERS == 0
