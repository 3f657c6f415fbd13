"""What is known of one publication: beside its files as JSON, and as a row of the database."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal, Self

from tasks.errors import ShoprecError
from tasks.schema import Task

FILE = "publication.json"
COLD = "cold"
"""The list of shoppers whom the model does not know, a list a task: `cold.parquet`."""
IdKind = Literal["integer", "text"]


@dataclass(frozen=True)
class About:
    id: int
    """The same in both places; a later publication has a higher one."""
    version: int
    published_at: datetime
    """UTC."""
    as_of: datetime
    """Cutoff of the state that the lists were made from."""
    k: int
    tasks: tuple[Task, ...]
    users: int
    """How many shoppers have lists of their own."""
    user_ids: IdKind
    item_ids: IdKind
    fingerprint: str
    """SHA-256 of all that makes a difference to the lists: equal ones need not be published again."""
    files: Mapping[str, str]
    """SHA-256 of each Parquet file by its name."""

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Raises ShoprecError where `publication.json` is missing or is not one."""
        file = folder / FILE
        try:
            told = json.loads(file.read_text(encoding="utf-8"))
            times = {name: datetime.fromisoformat(told[name]) for name in ("published_at", "as_of")}
            return cls(**told | times | {"tasks": tuple(told["tasks"])})
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ShoprecError(f"{file} is no description of a publication: {error}") from error

    def written_to(self, folder: Path) -> Self:
        """With the digests of the files of `folder`, into which it is written."""
        complete = replace(self, files=digests(folder))
        facts = asdict(complete) | {name: getattr(self, name).isoformat() for name in ("published_at", "as_of")}
        (folder / FILE).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        return complete


def digests(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.glob("*.parquet")):
        with path.open("rb") as file:
            found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found
