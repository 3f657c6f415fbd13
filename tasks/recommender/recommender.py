"""The recommender: ranker and state together, the one object that evaluation, batch and API call."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.candidates.ranking import place_in_group
from tasks.candidates.store import load_retrieval
from tasks.candidates.union import Retrieval
from tasks.errors import ParamsError
from tasks.features.frame import FeatureTables
from tasks.params.candidates import CandidateParams
from tasks.params.ranker import DiversityParams, StrengthParams
from tasks.recommender.diversity import Surroundings, diversified
from tasks.recommender.unsold import Unsold
from tasks.reranking.ranker import Ranker
from tasks.schema import ITEM, RANK, SCORE, TASKS, USER, Task

_RANKER, _FEATURES, _RETRIEVAL, _PARAMS = "ranker", "features", "retrieval", "candidates.json"
_DIVERSITY = "diversity.json"
_ROWS = 500_000
"""Candidates whose features are in memory at once: a hundred numbers each."""
ITEMS = "items.parquet"
"""In a bundle: the table of items, of all versions alike."""


@dataclass(frozen=True)
class Recommender:
    """Ranker and state as of one cutoff: `assemble` it from the stages' folders, or `load` a bundle."""

    retrieval: Retrieval
    tables: FeatureTables
    ranker: Ranker
    params: CandidateParams
    diversity: DiversityParams

    @classmethod
    def assemble(
        cls,
        ranker: Path,
        features: Path,
        retrieval: Path,
        items: pd.DataFrame,
        params: CandidateParams,
        diversity: DiversityParams,
    ) -> Self:
        """`features` and `retrieval` are the folders of one and the same fold."""
        loaded = Ranker.load(ranker)
        tables = FeatureTables(features, items, loaded.codes)
        return cls(load_retrieval(retrieval), tables, loaded, params, diversity)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """From a bundle, written by `bundle`."""
        params = CandidateParams.model_validate_json((folder / _PARAMS).read_text(encoding="utf-8"))
        diversity = DiversityParams()
        if (folder / _DIVERSITY).exists():  # a bundle made before there was one has no such file
            diversity = DiversityParams.model_validate_json((folder / _DIVERSITY).read_text(encoding="utf-8"))
        items = pd.read_parquet(folder / ITEMS)
        return cls.assemble(folder / _RANKER, folder / _FEATURES, folder / _RETRIEVAL, items, params, diversity)

    def recommend(self, users: Sequence[Any] | NDArray[Any], k: int = 10, task: Task = "all") -> pd.DataFrame:
        """`user_id, rank, item_id, score`: k items for each user, in the order of `users`; one named twice counts once.

        Scores compare within one user's list only. A user without a history, and one for whom there are fewer than k
        candidates, gets what sells after those; under task new, none that the user owns. A list is shorter
        than k only where the shop sells no more.
        """
        return self.recommend_of_tasks(users, k, (task,))[task]

    def recommend_of_tasks(
        self, users: Sequence[Any] | NDArray[Any], k: int, tasks: Sequence[Task]
    ) -> dict[Task, pd.DataFrame]:
        """What `recommend` gives on each of several tasks; the retrievers score once for all of them."""
        if unknown := [task for task in tasks if task not in TASKS]:
            raise ParamsError(f"there is no task '{unknown[0]}': it is one of {', '.join(TASKS)}")
        _refuse_no_length(k)
        positions = self.retrieval.positions(pd.Index(users).unique().to_numpy())
        known = np.sort(positions[positions >= 0])
        found = self.retrieval.candidates_of_tasks(known, tasks, self.params)
        return {task: self.listed(self.rank(found.pop(task), task), users, k, task) for task in tasks}

    def recommend_unsold(self, users: Sequence[Any] | NDArray[Any], k: int = 10) -> pd.DataFrame:
        """`user_id, rank, item_id, score`: of what the shop never sold, the k items that suit each user best.

        They are in no other list: `recommend` proposes what somebody bought. So this is for a place of their own.
        """
        _refuse_no_length(k)
        wanted = pd.Index(users).unique().to_numpy()
        return self._unsold.best(wanted, self.retrieval.positions(wanted), k)

    def listed(self, ranked: pd.DataFrame, users: Sequence[Any] | NDArray[Any], k: int, task: Task) -> pd.DataFrame:
        """What `recommend` gives, from all ranked candidates of at least the known ones of `users`.

        Here the first places are re-ranked for novelty and variety, where params ask for it.
        """
        wanted = pd.Index(users).unique()
        positions = self.retrieval.positions(wanted.to_numpy())
        if self._newcomers_apart:
            ranked = ranked[~ranked[USER].isin(self._newcomers(positions))]
        asked, places = self.diversity.of(task), self.diversity.places
        if asked != StrengthParams():
            ranked = diversified(ranked, self._surroundings, asked, places, self.diversity.head)
        return self._filled(ranked[ranked[RANK] <= k], wanted, positions, k, task)

    @property
    def _newcomers_apart(self) -> bool:
        """Whether this shop's ranker knows too little of newcomers."""
        return self.params.newcomer_events > 0 and self.retrieval.newcomers.share <= self.params.newcomers.most_share

    def _newcomers(self, positions: NDArray[np.intp]) -> NDArray[Any]:
        """Ids of those of whom the ranker knows too little; without ranked candidates their lists are filled up."""
        known = positions[positions >= 0]
        events = np.asarray(self.retrieval.owned[known].sum(axis=1)).ravel()
        return self.retrieval.users[known[events <= self.params.newcomer_events]]

    @cached_property
    def _surroundings(self) -> Surroundings:
        return Surroundings.of(self.retrieval, self.tables.items)

    @cached_property
    def _unsold(self) -> Unsold:
        return Unsold.of(self.retrieval, self.tables.items)

    def candidates(self, users: NDArray[np.intp], task: Task) -> pd.DataFrame:
        """Candidates of users by position in the history, sorted; see `Retrieval.candidates`."""
        return self.retrieval.candidates(users, task, self.params)

    def rank(self, candidates: pd.DataFrame, task: Task) -> pd.DataFrame:
        """`user_id, item_id, score, rank` of all candidates, best first within a user; ties keep their order."""
        blocks = range(0, max(len(candidates), 1), _ROWS)
        rows = (candidates.iloc[begin : begin + _ROWS] for begin in blocks)
        scores = np.concatenate([self.ranker.score(self.tables.frame(some), task) for some in rows])
        users = pd.factorize(candidates[USER])[0]
        order = np.lexsort((np.arange(len(users)), -scores, users))
        best_first = candidates[[USER, ITEM]].iloc[order].reset_index(drop=True)
        return best_first.assign(**{SCORE: scores[order], RANK: place_in_group(users[order]) + 1})

    def _filled(
        self, ranked: pd.DataFrame, wanted: pd.Index, positions: NDArray[np.intp], k: int, task: Task
    ) -> pd.DataFrame:
        """The lists of all `wanted` users, those that are short filled up with what newcomers get."""
        have = ranked.groupby(USER).size().reindex(wanted, fill_value=0).to_numpy()
        short = np.flatnonzero(have < k).tolist()
        # Grouped once: to look through everybody's rows for each of them takes the square of their number.
        held = dict(iter(ranked[ranked[USER].isin(wanted[short])].groupby(USER, sort=False)))
        of, fillers, scores = [], [], []
        for at in short:
            own = held.get(wanted[at])
            taken = set() if own is None else set(own[ITEM])
            filler = self._likely(int(positions[at]), taken, k - int(have[at]), task)
            lowest = 0.0 if own is None else float(own[SCORE].min())
            of += [wanted[at]] * len(filler)
            fillers += filler
            scores += (lowest - np.arange(1, len(filler) + 1)).tolist()
        lists = ranked.assign(_filler=0)
        if fillers:
            filled = pd.DataFrame({USER: of, ITEM: fillers, SCORE: scores, "_filler": 1})
            lists = pd.concat([lists, filled], ignore_index=True)
        place = wanted.get_indexer(pd.Index(lists[USER]))
        order = np.lexsort((-lists[SCORE].to_numpy(), lists["_filler"].to_numpy(), place))
        lists = lists.iloc[order].reset_index(drop=True)
        return lists.assign(**{RANK: place_in_group(place[order]) + 1})[[USER, RANK, ITEM, SCORE]]

    def _likely(self, position: int, taken: set[Any], n: int, task: Task) -> list[Any]:
        """For whoever has few events or none, and is at -1 then."""
        own = self.retrieval.owned[position].indices if position >= 0 else np.empty(0, np.intp)
        best = self.retrieval.newcomers.best(n + len(taken), own, new=task == "new")
        return [item for item in self.retrieval.items[best].tolist() if item not in taken][:n]


def _refuse_no_length(k: int) -> None:
    if k < 1:
        raise ParamsError(f"k is {k}, but a list has at least 1 item")


def bundle(
    ranker: Path,
    features: Path,
    retrieval: Path,
    items: pd.DataFrame,
    params: CandidateParams,
    diversity: DiversityParams,
    out: Path,
) -> None:
    """Copies what a recommender needs into the new folder `out`: arrays, tables, text and JSON."""
    out.mkdir(parents=True)
    shutil.copytree(ranker, out / _RANKER)
    shutil.copytree(features, out / _FEATURES)
    shutil.copytree(retrieval, out / _RETRIEVAL)
    items.to_parquet(out / ITEMS, index=False)
    for name, section in ((_PARAMS, params), (_DIVERSITY, diversity)):
        (out / name).write_text(section.model_dump_json(indent=2) + "\n", encoding="utf-8")
