"""The lists that are to be published, held against `expectations/recommendations.json`, before any reader sees them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from tasks.errors import BrokenCheckError, DataContractError
from tasks.ingestion.contracts import check_table
from tasks.ingestion.quality import Check
from tasks.ingestion.suites import Suite
from tasks.publication.catalogue import Catalogue
from tasks.schema import ITEM, RANK, TASK, USER, VERSION, Task

GROUPS = 4
"""Row groups that are checked at once: some million rows, which take a second and some hundred MiB."""
_EXAMPLES = 5
_NOBODY = pd.Index([])
_WORST_FIRST = ("broken", "failed", "warning", "quarantined", "passed", "not applicable")


@dataclass(frozen=True)
class Asked:
    """What was asked for: the lists have to be these, and no others."""

    users: pd.Index
    k: int
    version: int
    catalogue: Catalogue
    may_be_short: Mapping[Task, pd.Index] = field(default_factory=dict)
    """Users to whom the shop sells less than k items, or none, by catalogue and purchases: not by the lists."""


def check_lists(
    blocks: Iterable[pd.DataFrame], task: Task, asked: Asked, bought: pd.MultiIndex, suite: Suite
) -> list[Check]:
    """What became of each expectation on the lists of one task, counted over all blocks.

    `blocks`: `task, user_id, rank, item_id, version`, no list in two of them. `bought`: the pairs of user and item
    among them that the user bought before; only looked at under task new.
    """
    seen = np.zeros(len(asked.users), np.bool_)
    found = [_check(block, task, asked, suite, _helpers(block, task, asked, bought, seen)) for block in blocks]
    missing = asked.users[~seen & ~asked.users.isin(asked.may_be_short.get(task, _NOBODY))]
    if len(missing):
        gaps = pd.DataFrame({TASK: task, USER: missing, RANK: np.nan, ITEM: np.nan, VERSION: asked.version})
        found.append(_check(gaps, task, asked, suite, _nothing_else_wrong(gaps)))
    return merged(found)


def refuse_breaches(checks: Sequence[Check], version: int) -> None:
    """Raises DataContractError, or BrokenCheckError where a check could not run, with everything that is wrong."""
    broken, failed = ([c for c in checks if c.status == status] for status in ("broken", "failed"))
    stays = "\nnothing was published: readers go on reading what was published before"
    if broken:
        raise BrokenCheckError(f"{len(broken)} check(s) of the lists could not run:{_lines([*broken, *failed])}{stays}")
    if failed:
        rules = f"{len(failed)} expectation(s) of expectations/recommendations.json"
        raise DataContractError(f"the lists of version {version} break {rules}:{_lines(failed)}{stays}")


def merged(found: Sequence[Sequence[Check]]) -> list[Check]:
    """One check a rule, of those of several blocks."""
    together: dict[str, Check] = {}
    for check in (check for checks in found for check in checks):
        rule = check.expectation.rule
        together[rule] = _added(together[rule], check) if rule in together else check
    return list(together.values())


def _added(first: Check, second: Check) -> Check:
    worst = min(first, second, key=lambda check: _WORST_FIRST.index(check.status))
    return replace(
        worst,
        checked=first.checked + second.checked,
        unexpected=first.unexpected + second.unexpected,
        examples=(first.examples + second.examples)[:_EXAMPLES],
    )


def blocks_of(file: Path) -> Iterator[pd.DataFrame]:
    """A file that `ListWriter` wrote, for `check_lists`."""
    with pq.ParquetFile(file) as reader:
        for begin in range(0, reader.num_row_groups, GROUPS):
            groups = list(range(begin, min(begin + GROUPS, reader.num_row_groups)))
            yield reader.read_row_groups(groups).to_pandas()


def _check(
    block: pd.DataFrame, task: Task, asked: Asked, suite: Suite, helpers: Mapping[str, pd.Series]
) -> list[Check]:
    values = {"k": asked.k, "version": asked.version, "task": task}
    return list(check_table(block, suite, values, helpers).checks)


def _nothing_else_wrong(gaps: pd.DataFrame) -> dict[str, pd.Series]:
    """Rows that stand for lists that are missing break one rule, not all."""
    right = dict.fromkeys(_OF_ROWS, pd.Series(True, index=gaps.index))
    return {**right, "place_in_list": gaps[RANK]}


_OF_ROWS = (
    "user_was_asked_for",
    "list_is_whole",
    "item_is_known",
    "item_is_available",
    "item_is_allowed",
    "item_is_new_to_user",
)
"""Helper columns that are true where all is well."""


def _helpers(
    block: pd.DataFrame, task: Task, asked: Asked, bought: pd.MultiIndex, seen: np.ndarray
) -> dict[str, pd.Series]:
    """Columns that say of each row what one expectation alone cannot see. `seen` gets the users of the block."""
    codes, users = pd.factorize(block[USER])
    at = asked.users.get_indexer(pd.Index(users))
    was_asked, seen_before = at >= 0, (at >= 0) & seen[at]
    seen[at[was_asked]] = True
    lengths = np.bincount(codes[codes >= 0], minlength=len(users))
    may_be_short = pd.Index(users).isin(asked.may_be_short.get(task, _NOBODY))
    whole = (lengths == asked.k) | (may_be_short & (lengths < asked.k))
    known, available, allowed = asked.catalogue.look_up(block[ITEM])
    is_new = np.ones(len(block), np.bool_)
    if task == "new" and len(bought):
        is_new = ~pd.MultiIndex.from_frame(block[[USER, ITEM]]).isin(bought)
    of_user = {"user_was_asked_for": was_asked, "list_is_whole": whole & ~seen_before}
    columns: dict[str, Any] = {
        **{name: np.where(codes >= 0, values[codes], False) for name, values in of_user.items()},
        "place_in_list": block.groupby(USER, dropna=False).cumcount().to_numpy() + 1,
        "item_is_known": known,
        "item_is_available": available,
        "item_is_allowed": allowed,
        "item_is_new_to_user": is_new,
    }
    return {name: pd.Series(values, index=block.index) for name, values in columns.items()}


def _lines(checks: Sequence[Check]) -> str:
    return "".join(f"\n  {check.sentence}" for check in checks)
