"""Lists of items from a registered version, made by its own code in a process of its own."""

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from flows.doctor.places import why_not_writable
from flows.duel import lists_of
from flows.production import open_registry
from flows.settings import Settings
from tasks.errors import ShoprecError
from tasks.ingestion.storage import replace_file
from tasks.recommender.recommender import ITEMS
from tasks.registry.texts import visible
from tasks.schema import ITEM, RANK, TITLE, USER, Task
from tasks.versioning.process import OnLine

WRITERS = {".parquet": pd.DataFrame.to_parquet, ".csv": pd.DataFrame.to_csv}
"""By the ending of the file."""


@dataclass(frozen=True)
class Recommended:
    version: int
    lists: pd.DataFrame
    """`user_id, rank, item_id, title`: users in the order in which they were asked for, best item first."""


def recommend_to(
    settings: Settings, users: Sequence[Any], k: int, task: Task, number: int | None, on_line: OnLine
) -> Recommended:
    """`k` items for each of `users`, whose ids may be written as text; from version `number`, or else what serves.

    Raises ShoprecError where an id cannot be one of the shop's, nothing serves, or the version cannot be read.
    """
    registry = open_registry(settings)
    from tasks.registry.artifacts import fetch_model  # takes seconds, so not before it is needed

    serving = registry.holder_of("production") if number is None else registry.version(number)
    if serving is None:
        raise ShoprecError(
            "nothing serves: no version has the alias champion. Name one with --version, or let one serve with"
            " shoprec rollback --to N --reason '…'"
        )
    with tempfile.TemporaryDirectory(prefix="shoprec-recommend-") as scratch:  # where what a kill leaves is cleared
        model = fetch_model(registry, serving.number, Path(scratch) / "model")
        wanted = _ids(users, model.integer_users)
        lists = lists_of(model.code, model.bundle, wanted, k, Path(scratch), on_line)
        items = pd.read_parquet(model.bundle / ITEMS)[[ITEM, TITLE]]
    mine = lists[lists["task"] == task].merge(items, on=ITEM, how="left")
    return Recommended(serving.number, _in_order(mine, wanted)[[USER, RANK, ITEM, TITLE]])


def users_in(file: Path) -> list[Any]:
    """Of the column `user_id` of a Parquet or CSV file. Raises ShoprecError where there is no such column or file."""
    try:
        table = pd.read_csv(file, dtype=str) if file.suffix == ".csv" else pd.read_parquet(file)
    except (OSError, ValueError) as error:  # pandas' and pyarrow's errors of what is no such file are ValueErrors
        raise ShoprecError(f"{file} cannot be read as Parquet, or as CSV where it ends so: {error}") from error
    if USER not in table.columns:
        raise ShoprecError(f"{file} has no column {USER}: it has {', '.join(map(str, table.columns))}")
    return table[USER].tolist()


def write_lists(found: Recommended, out: Path) -> None:
    """With the number of the version in a column; what was there stays until all is written."""
    content = BytesIO()
    WRITERS[out.suffix](found.lists.assign(version=found.version), content, index=False)
    replace_file(out, content.getvalue())


def refuse_unwritable(out: Path) -> None:
    """Raises ShoprecError where lists cannot be written there; to be asked before the work is done."""
    if out.suffix not in WRITERS:
        raise ShoprecError(f"{out} should end with {' or '.join(WRITERS)}, which says what is written")
    if why := why_not_writable(out.parent):
        raise ShoprecError(f"{out} cannot be written: {why}")


def _ids(users: Sequence[Any], integer: bool) -> pd.DataFrame:
    """`user_id`: each once, in the type that the shop's ids have."""
    missing = [user for user in users if pd.isna(user)]
    if missing:
        raise ShoprecError(f"{len(missing)} of the users have no id: leave these rows out")
    ids = [_integer(user) for user in users] if integer else [_text(user) for user in users]
    return pd.DataFrame({USER: pd.Series(ids, dtype="int64" if integer else "str").drop_duplicates()})


def _integer(user: Any) -> int:
    if not re.fullmatch(r"-?[0-9]{1,18}", str(user)):
        raise ShoprecError(f"'{visible(str(user), 80)}' is no shopper's id: they are whole numbers in this shop")
    return int(user)


def _text(user: Any) -> str:
    if not isinstance(user, str):
        raise ShoprecError(f"{user} is no shopper's id: they are text in this shop, such as '7', and not numbers")
    return user


def _in_order(lists: pd.DataFrame, wanted: pd.DataFrame) -> pd.DataFrame:
    place = pd.Index(wanted[USER]).get_indexer(pd.Index(lists[USER]))
    return lists.assign(_place=place).sort_values(["_place", RANK], ignore_index=True)
