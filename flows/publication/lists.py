"""The lists of a publication: asked of the champion's own code, cut to what may be shown, and checked."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from flows.duel import LISTS, write_lists
from flows.publication.plan import Plan
from flows.publication.published import Facts
from tasks.errors import ShoprecError
from tasks.ingestion.quality import Check
from tasks.ingestion.storage import full_disk_named, read_table
from tasks.ingestion.suites import load_suite
from tasks.publication.about import COLD, IdKind
from tasks.publication.catalogue import Catalogue
from tasks.publication.check import Asked, blocks_of, check_lists, merged, refuse_breaches
from tasks.publication.engine import active_users, bought_before, few_left, most_bought_by_one
from tasks.publication.lists import Cut, ListWriter, cut_lists, lists_of_task
from tasks.recommender.recommender import ITEMS
from tasks.schema import ITEM, RANK, RECOMMENDATIONS, TASK, USER, VERSION, Task
from tasks.versioning.process import OnLine

NOBODY: dict[IdKind, Any] = {"integer": -(2**62), "text": "a shopper whom nobody knows"}
"""An id that no shopper has: the list of shoppers whom the model does not know is asked for by it."""
_TIMES_MORE = 10


class Lists:
    """What is published if it is right. No dataclass: Prefect would look at every user in it."""

    def __init__(self, folder: Path, item_ids: IdKind, users: pd.Series, catalogue: Catalogue) -> None:
        self.folder, self.users, self.catalogue = folder, users, catalogue
        self.item_ids: IdKind = item_ids
        self.cuts: dict[Task, Cut] = {}
        self.peak_mib = 0.0
        """Of the champion's process."""

    @property
    def facts(self) -> Facts:
        sold = max(len(self.catalogue.sold()), 1)
        return Facts(
            users=len(self.users),
            shortest={task: cut.shortest or 0 for task, cut in self.cuts.items()},
            coverage={task: len(cut.items) / sold for task, cut in self.cuts.items()},
            peak_mib=self.peak_mib,
        )


def make_lists(plan: Plan, on_line: OnLine) -> Lists:
    """Asks the champion for lists for all active users and for one whom nobody knows.

    Where so many of a list's items may not be shown that it is short, more is asked for, until there is no more.
    """
    tasks = plan.params.publication.tasks
    users = _active(plan)
    catalogue = Catalogue.of(_items(plan), plan.as_of, plan.params.publication)
    item_ids: IdKind = "integer" if pd.api.types.is_integer_dtype(catalogue.items.dtype) else "text"
    lists = Lists(plan.into.begin(plan.number), item_ids, users, catalogue)
    lists.cuts = {task: Cut(pd.Index([NOBODY[plan.user_ids], *users])) for task in tasks}
    cold: list[pd.DataFrame] = []
    with ExitStack() as stack, full_disk_named(lists.folder):
        files: dict[Task, Path] = {task: lists.folder / f"{task}.parquet" for task in tasks}
        writers: dict[Task, ListWriter] = {
            task: stack.enter_context(ListWriter(file, plan.user_ids, item_ids, plan.version))
            for task, file in files.items()
        }
        for depth in _depths(plan, catalogue):
            pending = [pd.Series(cut.pending) for cut in lists.cuts.values() if len(cut.pending)]
            if not pending:
                break
            asked = pd.concat(pending).drop_duplicates().to_frame(USER)
            done = write_lists(plan.code, plan.bundle, asked, depth, plan.scratch, on_line)
            lists.peak_mib = max(lists.peak_mib, done.peak_mib)
            for task, writer in writers.items():
                cold += _cut_and_write(plan, lists, task, depth, writer)
    _write_cold(pd.concat(cold) if cold else pd.DataFrame(), plan, lists)
    return lists


def _cut_and_write(plan: Plan, lists: Lists, task: Task, depth: int, writer: ListWriter) -> list[pd.DataFrame]:
    """What the champion wrote, but for the list of nobody, which is returned."""
    raw, cut, nobody, cold = plan.scratch / LISTS, lists.cuts[task], NOBODY[plan.user_ids], []
    bought, wanted = _bought(plan, raw, task, task), cut.begin()
    for frame in lists_of_task(raw, task):
        mine = frame[frame[USER].isin(wanted)]  # the other task may be short of more
        kept = cut_lists(mine, lists.catalogue, bought, plan.params.publication.k, depth, cut)
        is_cold = kept[USER] == nobody
        cold += [kept[is_cold]] * bool(is_cold.any())
        writer.write(kept[~is_cold])
    cut.end()
    return cold


def check_all(plan: Plan, lists: Lists) -> list[Check]:
    """What became of every expectation, on what lies on disk now.

    Raises DataContractError, with everything that is wrong, and BrokenCheckError where a check could not run.
    """
    suite, params, checks = load_suite(RECOMMENDATIONS, plan.suite), plan.params.publication, []
    nobody, users = NOBODY[plan.user_ids], pd.Index(lists.users)
    may_be_short = _sold_few(plan, lists.catalogue, users.append(pd.Index([nobody])))
    asked = Asked(users, params.k, plan.version, lists.catalogue, may_be_short)
    for_nobody = replace(asked, users=pd.Index([nobody]))
    cold = pq.read_table(lists.folder / f"{COLD}.parquet").to_pandas()
    for task in params.tasks:
        file = lists.folder / f"{task}.parquet"
        checks.append(check_lists(blocks_of(file), task, asked, _bought(plan, file, task), suite))
        of_nobody = cold[cold[TASK] == task].assign(**{USER: nobody}).reset_index(drop=True)
        checks.append(check_lists([of_nobody], task, for_nobody, _NONE, suite))
    found = merged(checks)
    refuse_breaches(found, plan.version)
    return found


def _sold_few(plan: Plan, catalogue: Catalogue, users: pd.Index) -> dict[Task, pd.Index]:
    """Those of `users` to whom the shop sells less than k items, by its data alone: lists are what is checked."""
    sold, params = catalogue.sold(), plan.params.publication
    if len(sold) < params.k:
        return dict.fromkeys(params.tasks, users)
    return {"new": few_left(sold, plan.events, plan.params.shop.target_event, params.k)}


_NONE = pd.MultiIndex.from_arrays([[], []])


def _bought(plan: Plan, file: Path, task: Task, of: Task | None = None) -> pd.MultiIndex:
    """Also what was bought since the cutoff of the champion's state, which it cannot know."""
    if task != "new":
        return _NONE
    return bought_before(file, plan.events, plan.params.shop.target_event, of)


def _depths(plan: Plan, catalogue: Catalogue) -> Iterator[int]:
    """How many items to ask for, one after another; with the last, whatever may not be shown is made up for."""
    k, known = plan.params.publication.k, pd.read_parquet(plan.bundle / ITEMS, columns=[ITEM])[ITEM]
    blocked = int((~catalogue.may_be_published(known)).sum())
    first = k + min(blocked, k)
    yield first
    last = k + blocked
    if "new" in plan.params.publication.tasks:
        last += most_bought_by_one(plan.events, plan.params.shop.target_event)
    if first * _TIMES_MORE < last:
        yield first * _TIMES_MORE
    if first < last:
        yield last


def _active(plan: Plan) -> pd.Series:
    days = plan.params.publication.active_days
    users = active_users(plan.events, plan.as_of, days)
    if users.empty:
        raise ShoprecError(
            f"no user has an event in the {days or 'many'} days before {plan.as_of:%Y-%m-%d %H:%M} UTC, the"
            " cutoff of the champion's state: refresh it, or raise publication.active_days"
        )
    if pd.api.types.is_integer_dtype(users.dtype) != (plan.user_ids == "integer"):
        raise ShoprecError(
            f"version {plan.version} knows users by ids that are {plan.user_ids}, and data/valid has others:"
            " retrain (`shoprec run`), or export them as before"
        )
    return users


def _items(plan: Plan) -> pd.DataFrame:
    """The shop's catalogue as it is now; with what the champion knows besides, where items need not be in it."""
    known = pd.read_parquet(plan.bundle / ITEMS)
    if plan.items is None:
        return known
    newest = read_table(plan.items)
    if plan.params.clean.require_catalogue:
        return newest
    return pd.concat([newest, known[~known[ITEM].isin(newest[ITEM])]], ignore_index=True)


def _write_cold(cold: pd.DataFrame, plan: Plan, lists: Lists) -> None:
    frame = cold.reindex(columns=[TASK, RANK, ITEM]).assign(**{VERSION: np.int32(plan.version)})
    with full_disk_named(lists.folder):
        frame.to_parquet(lists.folder / f"{COLD}.parquet", index=False, compression="zstd")
