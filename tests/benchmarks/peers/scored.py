"""Lists of whoever made them to values a user, by the code that judges shoprec's own; and what they differ by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from tasks.errors import BrokenCheckError
from tasks.evaluation.beyond import coverage, diversity, item_surprise, novelty
from tasks.evaluation.evidence import BUYERS, SYSTEM, TASK, Evidence
from tasks.evaluation.intervals import bootstrap
from tasks.evaluation.lists import scored_lists
from tasks.evaluation.metrics import per_user
from tasks.features.levels import category_levels
from tasks.folds import Fold, targets
from tasks.schema import ITEM, TASKS, TIMESTAMP, USER, Task, categories
from tests.benchmarks.peers.weeks import Weeks

METRICS = ("ndcg@10", "recall@20", "ndcg@100")
LENGTHS = (10, 20, 100)
COVERAGE, NOVELTY, DIVERSITY = "coverage@10", "novelty@10", "diversity@10"
BEYOND = (COVERAGE, NOVELTY, DIVERSITY)
_K = 10
_ONE = "judged"


@dataclass(frozen=True)
class Mean:
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Judge:
    """Of one fold."""

    weeks: Weeks
    fold: Fold

    def values(self, folder: Path) -> dict[Task, pd.DataFrame]:
        """`<task>.parquet` in `folder`, where there is one, to a row a user with a label and a column a metric.

        Novelty and diversity are missing for users without a list, and coverage, which all lists have together, is the
        same in every row.

        Raises BrokenCheckError where a list of task new has what its user owns, or any breaks what lists promise.
        """
        found: dict[Task, pd.DataFrame] = {}
        for task in TASKS:
            if (folder / f"{task}.parquet").exists():
                lists = pd.read_parquet(folder / f"{task}.parquet")
                if task == "new":
                    refuse_owned(lists, self._known)
                found[task] = self.of_lists(lists, task)
        return found

    def of_lists(self, lists: pd.DataFrame, task: Task) -> pd.DataFrame:
        """The same of lists that are at hand."""
        nothing = pd.DataFrame()
        evidence = Evidence(
            fold=self.fold,
            lists=lists.assign(**{SYSTEM: _ONE, TASK: task}),
            labels=self._labels[task].assign(**{TASK: task}),
            candidates=nothing,
            items=self._items,
            users=nothing,
            scores=nothing,
            importance=nothing,
        )
        scored = scored_lists(evidence, task, max(LENGTHS), [_ONE])
        of_user, items = per_user(scored.hits[_ONE], scored.relevant, LENGTHS), scored.items[_ONE]
        bought = self._items[BUYERS].to_numpy() > 0
        beyond = {
            COVERAGE: coverage(items, _K, bought),
            NOVELTY: novelty(items, _K, item_surprise(self._items, self._known[USER].nunique())),
            DIVERSITY: diversity(items, _K, category_levels(self._items)),
        }
        return pd.DataFrame({metric: of_user[metric] for metric in METRICS} | beyond, index=scored.users)

    @cached_property
    def _labels(self) -> dict[Task, pd.DataFrame]:
        return {task: self.weeks.labels(self.fold, task) for task in TASKS}

    @cached_property
    def _items(self) -> pd.DataFrame:
        """All that was bought before the cutoff, as the evaluation sees it."""
        buyers = self._known.groupby(ITEM).size().rename(BUYERS).reset_index()
        catalogue = self.weeks.valid.items
        return buyers.merge(catalogue[[ITEM, *categories(list(catalogue.columns))]], on=ITEM, how="left")

    @cached_property
    def _known(self) -> pd.DataFrame:
        """`user_id, item_id`: who had bought what before the cutoff."""
        past = targets(self.weeks.valid.events, self.weeks.params.shop)
        return past.loc[past[TIMESTAMP] < self.fold.cutoff, [USER, ITEM]].drop_duplicates()


def refuse_owned(lists: pd.DataFrame, known: pd.DataFrame) -> None:
    """`known`: `user_id, item_id` of all that was bought before the cutoff."""
    owned = lists[[USER, ITEM]].merge(known[[USER, ITEM]].drop_duplicates(), on=[USER, ITEM])
    if not owned.empty:
        user, item = owned[USER].tolist()[0], owned[ITEM].tolist()[0]
        raise BrokenCheckError(
            f"task new: {len(owned)} item(s) had been bought before by whom they are recommended to, such as {item!r}"
            f" by {user!r}; leave out what a user owns"
        )


def mean(of_weeks: Sequence[pd.Series], draws: int, seed: int) -> Mean:
    """Over users and weeks, with a 95 % interval: a user is drawn with all of their weeks.

    Every (user, week) counts alike. The number of a draw's weeks is taken for the number of all.
    """
    found = pd.concat(list(of_weeks)).groupby(level=0).agg(["sum", "size"])
    per_user_ = found["sum"].to_numpy(np.float64) / found["size"].mean()
    of = bootstrap(per_user_[:, None], draws, seed)
    return Mean(float(of.mean[0]), float(of.low[0]), float(of.high[0]))


def differences(ours: Sequence[pd.DataFrame], theirs: Sequence[pd.DataFrame], metric: str) -> list[pd.Series]:
    """Of the same users in the same weeks: ours less theirs."""
    return [our[metric] - their[metric] for our, their in zip(ours, theirs, strict=True)]


def beyond(of_weeks: Sequence[pd.DataFrame]) -> Mapping[str, float]:
    """Means over the weeks, of which each is the mean over the users with a list."""
    return {metric: float(np.mean([week[metric].mean() for week in of_weeks])) for metric in BEYOND}


def by_metric(of_weeks: Sequence[pd.DataFrame], draws: int, seed: int) -> Mapping[str, Mean]:
    return {metric: mean([week[metric] for week in of_weeks], draws, seed) for metric in METRICS}
