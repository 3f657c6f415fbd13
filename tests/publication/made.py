"""Publications of a tiny shop: six shoppers, twenty items, lists of three."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.params.publication import PublicationParams
from tasks.publication.about import About, IdKind
from tasks.publication.catalogue import Catalogue
from tasks.publication.folder import PublicationFolder
from tasks.publication.lists import ListWriter
from tasks.schema import TASKS

K, USERS, ITEMS = 3, 6, 20
AS_OF = datetime(2024, 4, 1, tzinfo=UTC)


def items(ids: IdKind = "integer") -> pd.DataFrame:
    numbers = pd.Series(range(ITEMS))
    return pd.DataFrame({"item_id": named(numbers, ids, "sku"), "category_1": ["food", "toys"] * (ITEMS // 2)})


def catalogue(ids: IdKind = "integer", **params: Any) -> Catalogue:
    return Catalogue.of(items(ids), AS_OF, PublicationParams(k=K, **params))


def lists(task: str, first_item: int = 0, ids: IdKind = "integer", version: int = 1) -> pd.DataFrame:
    """`task, user_id, rank, item_id, version`: shopper n gets the items from `first_item` + n on."""
    rows = [(u, rank, (first_item + u + rank - 1) % ITEMS) for u in range(USERS) for rank in range(1, K + 1)]
    frame = pd.DataFrame(rows, columns=["user_id", "rank", "item_id"])
    frame["user_id"], frame["item_id"] = named(frame["user_id"], ids, "c"), named(frame["item_id"], ids, "sku")
    return frame.assign(task=task, version=version)[["task", "user_id", "rank", "item_id", "version"]]


def named(numbers: pd.Series, ids: IdKind, prefix: str) -> pd.Series:
    """Text ids hold what a table or a CSV might stumble over."""
    return numbers if ids == "integer" else prefix + " ',\"\n" + numbers.astype("str")


def filled(folder: PublicationFolder, number: int, ids: IdKind = "integer", first_item: int | None = None) -> About:
    """Publication `number` in its place, not current yet; items differ from those of any other number."""
    new, first = folder.begin(number), number if first_item is None else first_item
    for task in TASKS:
        with ListWriter(new / f"{task}.parquet", ids, ids, number) as writer:
            writer.write(lists(task, first, ids, number))
    cold = lists("all", first, ids, number).head(K).drop(columns="user_id")
    cold.to_parquet(new / "cold.parquet", index=False)
    about = About(
        id=number,
        version=number,
        published_at=datetime(2024, 4, 1, 3, number, tzinfo=UTC),
        as_of=AS_OF,
        k=K,
        tasks=TASKS,
        users=USERS,
        user_ids=ids,
        item_ids=ids,
        fingerprint=f"fingerprint {number}",
        files={},
    )
    done = about.written_to(new)
    folder.settle(number)
    return done


def publications(tmp_path: Path) -> PublicationFolder:
    return PublicationFolder(tmp_path / "published")
