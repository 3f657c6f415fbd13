"""Shoppers whose history is hidden but for their last few events, as a shop sees newcomers."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.candidates.history import History
from tasks.candidates.newcomers import Newcomers
from tasks.candidates.popularity import Popularity
from tasks.candidates.union import Retrieval
from tasks.evaluation.metrics import ndcg
from tasks.folds import Fold, targets
from tasks.ingestion.valid import Valid
from tasks.params.candidates import PopularityParams
from tasks.recommender import Recommender
from tasks.recommender.rebuild import rebuild
from tasks.schema import ITEM, RANK, SCORE, TASKS, TIMESTAMP, USER, Task, canonical_columns
from tests.benchmarks.peers.weeks import Weeks

K = 10
POPULAR, SERVED, UNPROMOTED, RANKER = "popularity", "as served", "without promotions", "ranker"
_NOTHING_RANKED = pd.DataFrame({USER: [], ITEM: [], SCORE: [], RANK: []})


@dataclass(frozen=True)
class Cold:
    """Some shoppers of one week, of whom the shop knows the last `known` events and nothing before."""

    weeks: Weeks
    back: int
    bought: pd.DataFrame
    """`user_id, item_id`: what they buy in the week, every one of them something."""
    known: int

    @property
    def fold(self) -> Fold:
        return self.weeks.test(self.back)

    @cached_property
    def users(self) -> NDArray[Any]:
        return self.bought[USER].drop_duplicates().sort_values().to_numpy()

    @cached_property
    def valid(self) -> Valid:
        """What the shop knows, as of the cutoff."""
        valid, cutoff = self.weeks.valid, self.fold.cutoff
        past = valid.events[valid.events[TIMESTAMP] < cutoff]
        cold = past[USER].isin(self.users)
        kept = pd.concat([past[~cold], self._last(targets(past[cold], self.weeks.params.shop))])
        return replace(valid, events=kept.sort_values([TIMESTAMP, USER, ITEM], ignore_index=True))

    def _last(self, events: pd.DataFrame) -> pd.DataFrame:
        """Of those of one instant, such as the lines of a basket, any."""
        shuffled = events.sample(frac=1, random_state=self.back)
        return shuffled.sort_values([USER, TIMESTAMP], kind="stable").groupby(USER, observed=True).tail(self.known)

    def labels(self, task: Task) -> pd.DataFrame:
        """Task new: what is not among the events that the shop knows."""
        return self.bought if task == "all" else self._unknown

    @cached_property
    def _unknown(self) -> pd.DataFrame:
        known = self.valid.events.loc[self.valid.events[USER].isin(self.users), [USER, ITEM]].drop_duplicates()
        return self.bought[~pd.MultiIndex.from_frame(self.bought).isin(pd.MultiIndex.from_frame(known))]

    def values(self, lists: pd.DataFrame, task: Task) -> pd.Series:
        """NDCG@10 of each user with a label; `lists`: `user_id, item_id, rank`."""
        labels = self.labels(task)
        users = pd.Index(labels[USER].unique()).sort_values()
        shown = lists[lists[USER].isin(users) & (lists[RANK] <= K)]
        hits = np.zeros((len(users), K), np.bool_)
        is_hit = pd.MultiIndex.from_frame(shown[[USER, ITEM]]).isin(pd.MultiIndex.from_frame(labels))
        hits[users.get_indexer(pd.Index(shown[USER])), shown[RANK].to_numpy(np.intp) - 1] = is_hit
        relevant = np.bincount(users.get_indexer(pd.Index(labels[USER])), minlength=len(users)).astype(np.int64)
        return pd.Series(ndcg(hits, relevant, K), users)


def cold_parts(weeks: Weeks, back: int, parts: int, seed: int, known: Sequence[int]) -> Iterator[Cold]:
    """Everybody with a label in the week is cold once with each number of known events, while the others are known."""
    bought = weeks.labels(weeks.test(back), "all")
    everybody = bought[USER].drop_duplicates().sort_values().to_numpy()
    drawn = np.random.default_rng(seed + back).permutation(everybody)
    for users in np.array_split(drawn, parts):
        for events in known:
            yield Cold(weeks, back, bought[bought[USER].isin(users)], events)


def with_attributes(users: pd.DataFrame) -> pd.Index:
    """Ids of those of whom any attribute is known."""
    attributes = users.drop(columns=[column for column in canonical_columns("users") if column in users])
    return pd.Index(users.loc[attributes.notna().any(axis=1), USER])


def lists_of_newcomers(cold: Cold, recommender: Recommender) -> dict[str, Recommender]:
    """What serves them, by what it knows: the recommender over a state with no retriever."""
    params, valid = cold.weeks.params.candidates, cold.valid
    history = _history(cold)
    served, unpromoted = (
        Newcomers.fit(history, valid.items, promotions, cold.fold, params) for promotions in (valid.promotions, None)
    )
    state = Retrieval(history.users, history.items, history.n_universe, history.owned(), {}, served)
    newcomers = {POPULAR: _popular(history, cold), SERVED: served, UNPROMOTED: unpromoted}
    return {name: replace(recommender, retrieval=replace(state, newcomers=of)) for name, of in newcomers.items()}


def _history(cold: Cold) -> History:
    params = cold.weeks.params
    return History.as_of(cold.valid.events, cold.fold.cutoff, params.candidates, params.shop)


def _popular(history: History, cold: Cold) -> Newcomers:
    """Sales of the last 28 days, the same for everybody, whatever the project's own popularity looks at."""
    sold = Popularity.fit(history, PopularityParams(days=28, depth_all=0, depth_new=0), None, cold.fold)
    others = np.zeros(len(history.items) - len(sold.sessions), np.float32)
    return Newcomers(sold.sessions, np.concatenate([sold.sessions, others]), 0.0)


def measured(cold: Cold, systems: dict[str, Recommender]) -> dict[Task, pd.DataFrame]:
    """A row a user, a column a system."""
    return {
        task: pd.DataFrame(
            {
                name: cold.values(system.listed(_NOTHING_RANKED, cold.users, K, task), task)
                for name, system in systems.items()
            }
        )
        for task in TASKS
    }


def ranked(cold: Cold, ranker: Path) -> dict[Task, pd.DataFrame]:
    """The same with the ranker's lists, which takes a whole state."""
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "bundle"
        rebuild(cold.valid, {bundle: cold.fold}, cold.weeks.params, ranker)
        recommender = Recommender.load(bundle)
        state = recommender.retrieval
        popular = _popular(_history(cold), cold)
        systems = {POPULAR: replace(recommender, retrieval=replace(state, newcomers=popular)), SERVED: recommender}
        found = measured(cold, systems)
        everybodys = replace(recommender, params=recommender.params.model_copy(update={"newcomer_events": 0}))
        lists = everybodys.recommend_of_tasks(cold.users, K, TASKS)
        return {task: of.assign(**{RANKER: cold.values(lists[task], task)}) for task, of in found.items()}
