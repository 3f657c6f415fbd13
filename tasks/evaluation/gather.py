"""Gathers the evidence on the test fold: the recommender and every retriever alone, asked for the same shoppers."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.candidates.union import Proposed
from tasks.evaluation.asked import users_of, who_is_asked
from tasks.evaluation.evidence import (
    AGE_DAYS,
    BUYERS,
    EVENTS,
    LABEL,
    SHOPREC,
    SYSTEM,
    TASK,
    TENURE_DAYS,
    Evidence,
)
from tasks.folds import Fold, targets
from tasks.ingestion.valid import Valid
from tasks.params import Params
from tasks.params.shop import ShopParams
from tasks.recommender import Recommender
from tasks.reranking.examples import is_relevant
from tasks.schema import BRAND, ITEM, RANK, SCORE, TASKS, TIMESTAMP, TITLE, USER, Task, categories
from tasks.stage import processes

_DAY = pd.Timedelta(days=1)


@dataclass(frozen=True)
class _Found:
    """What one task's shoppers were recommended, and from what."""

    lists: pd.DataFrame
    labels: pd.DataFrame
    candidates: pd.DataFrame
    scores: pd.DataFrame


def gather(recommender: Recommender, valid: Valid, fold: Fold, params: Params) -> Evidence:
    """Lists of every system for the shoppers who are asked (see `who_is_asked`), with the facts to judge them by.

    `recommender` has the state as of the fold's cutoff. Lists are as long as the longest that is judged.
    """
    shop, depth = params.shop, max(params.evaluation.list_lengths)
    asked = who_is_asked(valid.events, fold, shop, params.evaluation.most_users, params.evaluation.seed)
    relevant: dict[Task, pd.DataFrame] = {task: of.pairs for task, of in asked.items()}
    retrieval = recommender.retrieval
    users: NDArray[np.intp] = np.sort(retrieval.positions(users_of(asked)))
    proposed = retrieval.proposals(users, TASKS, recommender.params, depth)

    def found_on(task: Task) -> _Found:
        return _found(recommender, proposed.pop(task), relevant[task], task, depth)

    with ThreadPoolExecutor(processes()) as pool:
        found = dict(zip(TASKS, pool.map(found_on, TASKS), strict=True))
    past = targets(valid.events, shop)
    past = past[past[TIMESTAMP] < fold.cutoff]

    def all_tasks(part: str) -> pd.DataFrame:
        return pd.concat([getattr(f, part).assign(**{TASK: task}) for task, f in found.items()], ignore_index=True)

    return Evidence(
        fold=fold,
        lists=all_tasks("lists"),
        labels=all_tasks("labels"),
        candidates=all_tasks("candidates"),
        items=item_facts(past, valid, fold),
        users=user_facts(past, valid, fold),
        scores=all_tasks("scores"),
        importance=recommender.ranker.importance(),
        drawn_from={task: of.drawn_from for task, of in asked.items()},
    )


def _found(recommender: Recommender, proposed: Proposed, relevant: pd.DataFrame, task: Task, depth: int) -> _Found:
    """Of what was proposed to the shoppers of any task, what is for those of this one."""
    retrieval = recommender.retrieval
    users = retrieval.users[np.sort(retrieval.positions(relevant[USER].unique()))]

    def theirs(frame: pd.DataFrame) -> pd.DataFrame:
        own = frame[USER].isin(users)
        return frame if own.all() else frame[own].reset_index(drop=True)

    candidates = theirs(proposed.candidates)
    ranked = recommender.rank(candidates, task)
    served = recommender.listed(ranked, users, depth, task)
    lists = [served[[USER, ITEM, RANK]].assign(**{SYSTEM: SHOPREC})]
    for name, alone in proposed.lists.items():
        if not (own := theirs(alone)).empty:
            lists.append(own[[USER, ITEM, RANK]].assign(**{SYSTEM: name}))
    scores = ranked[[SCORE]].assign(**{LABEL: is_relevant(ranked, relevant).astype(int)})
    return _Found(pd.concat(lists, ignore_index=True), relevant, _own_proposals(candidates, recommender, task), scores)


def _own_proposals(candidates: pd.DataFrame, recommender: Recommender, task: Task) -> pd.DataFrame:
    """Ranks where the retriever itself proposed the candidate: those within its own list."""
    depths = recommender.params.depths(task)
    names = {f"{name}_{RANK}": depths[name] for name in recommender.retrieval.retrievers}
    ranks = {column: candidates[column].where(candidates[column] <= depth) for column, depth in names.items()}
    return candidates[[USER, ITEM]].assign(**ranks)


def item_facts(past: pd.DataFrame, valid: Valid, fold: Fold) -> pd.DataFrame:
    """`Evidence.items`; `past` are the target events before the cutoff."""
    by_item = past.groupby(ITEM)
    facts = pd.DataFrame(
        {BUYERS: by_item[USER].nunique(), AGE_DAYS: (fold.cutoff - by_item[TIMESTAMP].min()) / _DAY}
    ).reset_index()
    described = [ITEM, TITLE, *categories(list(valid.items.columns)), *(c for c in (BRAND,) if c in valid.items)]
    return facts.merge(valid.items[described], on=ITEM, how="left")


def user_facts(past: pd.DataFrame, valid: Valid, fold: Fold) -> pd.DataFrame:
    """`Evidence.users`, likewise."""
    by_user = past.groupby(USER)
    facts = pd.DataFrame(
        {EVENTS: by_user.size(), TENURE_DAYS: (fold.cutoff - by_user[TIMESTAMP].min()) / _DAY}
    ).reset_index()
    attributes = valid.users.rename(columns={c: f"{c} (attribute)" for c in (EVENTS, TENURE_DAYS)})
    return facts.merge(attributes, on=USER, how="left")


def shoppers_to_show(
    evidence: Evidence, valid: Valid, shop: ShopParams, per_task: int = 2, length: int = 10, system: str = SHOPREC
) -> list[dict[str, Any]]:
    """A few shoppers with what they bought last, what `system` recommended to them, and what they then bought.

    `hits` of the titles in `bought`, the first ones, were recommended: a title alone may stand for several items.
    Those with the median number of relevant items, and the nearest to them in it: neither the best nor the worst case.
    """
    titles = valid.items.set_index(ITEM)
    past = targets(valid.events, shop)
    past = past[past[TIMESTAMP] < evidence.fold.cutoff].sort_values(TIMESTAMP, ascending=False, kind="stable")
    shown = []
    for task in TASKS:
        relevant = evidence.labels[evidence.labels[TASK] == task]
        size = relevant.groupby(USER).size()
        typical = (size - size.median()).abs().sort_values(kind="stable").index[:per_task]
        lists = evidence.lists[(evidence.lists[TASK] == task) & (evidence.lists[SYSTEM] == system)]
        for user in typical:
            bought = relevant.loc[relevant[USER] == user, ITEM].tolist()
            best = lists[(lists[USER] == user) & (lists[RANK] <= length)].sort_values(RANK)[ITEM].tolist()
            recent = past.loc[past[USER] == user, ITEM].drop_duplicates().head(length).tolist()
            shown.append(
                {
                    "task": task,
                    "user_id": user.item() if isinstance(user, np.generic) else user,
                    "recent": [_title(titles, item) for item in recent],
                    "recommended": [
                        {
                            "rank": rank,
                            "title": _title(titles, item),
                            "category": _category(titles, item),
                            "bought": item in bought,
                        }
                        for rank, item in enumerate(best, start=1)
                    ],
                    "bought": [_title(titles, item) for item in sorted(bought, key=lambda i: i not in best)],
                    "hits": len(set(bought) & set(best)),
                }
            )
    return shown


def _title(titles: pd.DataFrame, item: Any) -> str:
    return str(titles.at[item, TITLE])


def _category(titles: pd.DataFrame, item: Any) -> str:
    known = categories(list(titles.columns))
    return str(titles.at[item, known[0]]) if known else ""
