"""The union of the retrievers' proposals as of one cutoff, with every retriever's score and rank for each candidate."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from tasks.candidates.als import Als
from tasks.candidates.ease import Ease
from tasks.candidates.history import History
from tasks.candidates.neighbours import fit_item_neighbours, fit_user_neighbours
from tasks.candidates.newcomers import Newcomers
from tasks.candidates.own_history import OwnHistory
from tasks.candidates.popularity import Popularity
from tasks.candidates.ranking import place_in_group, rank_in_group
from tasks.candidates.retriever import FittedRetriever
from tasks.candidates.scores import Scores
from tasks.folds import Fold
from tasks.params.candidates import CandidateParams
from tasks.params.shop import ShopParams
from tasks.schema import ITEM, RANK, SCORE, USER, Task
from tasks.stage import processes

_BLOCK = 128
_THREADS = 2
"""At most: folds are worked on side by side as well."""
_Made = TypeVar("_Made")


def fit_retrievers(
    history: History, promotions: pd.DataFrame | None, fold: Fold, params: CandidateParams
) -> dict[str, FittedRetriever]:
    """The retrievers that are on, by name, each fitted on the same history as of the fold's cutoff."""
    kinds: dict[str, Callable[[History, Any], FittedRetriever]] = {
        "als": Als.fit,
        "item_neighbours": fit_item_neighbours,
        "user_neighbours": fit_user_neighbours,
        "ease": Ease.fit,
        "own_history": OwnHistory.fit,
        "popularity": lambda known, own: Popularity.fit(known, own, promotions, fold),
    }
    return {name: fit(history, getattr(params, name)) for name, fit in kinds.items() if getattr(params, name).enabled}


@dataclass(frozen=True)
class Proposed:
    """On one task."""

    candidates: pd.DataFrame
    """See `Retrieval.candidates`."""
    lists: Mapping[str, pd.DataFrame]
    """By retriever: its own lists, `user_id, item_id, rank, score`, up to k a user."""


@dataclass(frozen=True)
class Retrieval:
    """Fitted retrievers with what they were fitted on: all that proposes candidates as of one cutoff."""

    users: NDArray[Any]
    items: NDArray[Any]
    n_universe: int
    owned: sp.csr_matrix
    """(n_users, n_items), above 0 where the user had a target event of the item."""
    retrievers: Mapping[str, FittedRetriever]
    newcomers: Newcomers

    @classmethod
    def to_learn(
        cls,
        events: pd.DataFrame,
        promotions: pd.DataFrame | None,
        fold: Fold,
        params: CandidateParams,
        shop: ShopParams,
    ) -> Self:
        """For a fold to learn from: there no newcomer is served, so they get no more than the universe's order."""
        history = History.as_of(events, fold.cutoff, params, shop)
        nobody = Newcomers.by_buyers(history.n_universe, len(history.items))
        return cls._of(history, promotions, fold, params, nobody)

    @classmethod
    def to_serve(
        cls,
        events: pd.DataFrame,
        items: pd.DataFrame,
        promotions: pd.DataFrame | None,
        fold: Fold,
        params: CandidateParams,
        shop: ShopParams,
    ) -> Self:
        """For a fold on which a ranker is used. `items` serve newcomers only."""
        history = History.as_of(events, fold.cutoff, params, shop)
        newcomers = Newcomers.fit(history, items, promotions, fold, params)
        return cls._of(history, promotions, fold, params, newcomers)

    @classmethod
    def _of(
        cls,
        history: History,
        promotions: pd.DataFrame | None,
        fold: Fold,
        params: CandidateParams,
        newcomers: Newcomers,
    ) -> Self:
        retrievers = fit_retrievers(history, promotions, fold, params)
        return cls(history.users, history.items, history.n_universe, history.owned(), retrievers, newcomers)

    def positions(self, users: Sequence[Any] | NDArray[Any]) -> NDArray[np.intp]:
        """Positions of user ids; -1 for users without a history."""
        return pd.Index(self.users).get_indexer(pd.Index(users))

    def candidates(self, users: NDArray[np.intp], task: Task, params: CandidateParams) -> pd.DataFrame:
        """`user_id, item_id`, a `<retriever>_score` and a `<retriever>_rank` each; sorted by user and item position.

        `users` are positions, sorted. A retriever's rank is that among the candidates of its user, so that ranks up to
        the retriever's depth are those of its own list. A score is 0 or less and a rank missing where it would not
        propose.
        """
        return self.candidates_of_tasks(users, (task,), params)[task]

    def candidates_of_tasks(
        self, users: NDArray[np.intp], tasks: Sequence[Task], params: CandidateParams
    ) -> dict[Task, pd.DataFrame]:
        """`candidates` of several tasks, scored once."""
        depths: dict[Task, dict[str, int]] = {task: params.depths(task) for task in tasks}

        def of_block(block: NDArray[np.intp]) -> dict[Task, pd.DataFrame]:
            scores = self._scores(block)
            return {task: self._union(block, task, scores, depths[task]) for task in tasks}

        found = _of_blocks(of_block, users)
        return {task: pd.concat([frames[task] for frames in found], ignore_index=True) for task in tasks}

    def proposals(
        self, users: NDArray[np.intp], tasks: Sequence[Task], params: CandidateParams, k: int
    ) -> dict[Task, Proposed]:
        """`candidates` of several tasks and every retriever's own lists of up to k, scored once."""

        depths: dict[Task, dict[str, int]] = {task: params.depths(task) for task in tasks}

        def of_block(block: NDArray[np.intp]) -> dict[Task, Proposed]:
            scores = self._scores(block)
            return {
                task: Proposed(
                    self._union(block, task, scores, depths[task]),
                    {name: self._own_lists(block, task, values, k) for name, values in scores.items()},
                )
                for task in tasks
            }

        found = _of_blocks(of_block, users)
        return {
            task: Proposed(
                pd.concat([of[task].candidates for of in found], ignore_index=True),
                {
                    name: pd.concat([of[task].lists[name] for of in found], ignore_index=True)
                    for name in self.retrievers
                },
            )
            for task in tasks
        }

    def _scores(self, block: NDArray[np.intp]) -> dict[str, Scores]:
        return {name: retriever.scores(block) for name, retriever in self.retrievers.items()}

    def _own_lists(self, block: NDArray[np.intp], task: Task, scores: Scores, k: int) -> pd.DataFrame:
        rows, columns = scores.best(k, self._hidden(block, task))
        return pd.DataFrame(
            {
                USER: self.users[block][rows],
                ITEM: self.items[columns],
                RANK: place_in_group(rows) + 1,
                SCORE: scores.at(rows, columns),
            }
        )

    def _union(
        self,
        block: NDArray[np.intp],
        task: Task,
        scores: Mapping[str, Scores],
        depths: Mapping[str, int],
    ) -> pd.DataFrame:
        keys, hidden = [np.empty(0, np.int64)], self._hidden(block, task)
        for name, values in scores.items():
            if depths[name] == 0:
                continue
            rows, columns = values.best(depths[name], hidden)
            keys.append(rows.astype(np.int64) * len(self.items) + columns)
        together = np.sort(np.concatenate(keys))  # np.unique takes several times as long
        rows, columns = np.divmod(together[place_in_group(together) == 0], len(self.items))
        frame: dict[str, NDArray[Any]] = {USER: self.users[block][rows], ITEM: self.items[columns]}
        for name, values in scores.items():
            frame[f"{name}_{SCORE}"] = score = values.at(rows, columns)
            frame[f"{name}_{RANK}"] = rank_in_group(rows, score)
        return pd.DataFrame(frame)

    def _hidden(self, block: NDArray[np.intp], task: Task) -> sp.csr_matrix | None:
        """What the users own, where the task is new."""
        return None if task == "all" else self.owned[block]


def _of_blocks(of_block: Callable[[NDArray[np.intp]], _Made], users: NDArray[np.intp]) -> list[_Made]:
    """Of at least one block, so that no users give empty frames with all their columns."""
    blocks = [users[start : start + _BLOCK] for start in range(0, len(users), _BLOCK)] or [users]
    with ThreadPoolExecutor(min(_THREADS, processes())) as pool:
        return list(pool.map(of_block, blocks))
