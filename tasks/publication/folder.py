"""The Parquet publication: a folder a publication, and the link `current`, which readers follow.

The link is swapped by one rename, so a reader that opens `current/…` gets all of one publication.
"""

import os
import re
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from tasks.errors import ShoprecError
from tasks.ingestion.storage import full_disk_named, sibling
from tasks.publication.about import About, digests

CURRENT = "current"


@dataclass(frozen=True)
class PublicationFolder:
    folder: Path

    def begin(self, number: int) -> Path:
        """An empty folder to fill, which readers do not see; what an earlier try left there is removed."""
        new = sibling(self.of(number), "new")
        shutil.rmtree(new, ignore_errors=True)
        with full_disk_named(new):
            new.mkdir(parents=True)
        return new

    def settle(self, number: int) -> None:
        """What was begun is safe on disk, in its place; a second time it does nothing."""
        new = sibling(self.of(number), "new")
        if self.of(number).exists() and not new.exists():
            return
        with full_disk_named(new):
            for path in new.iterdir():
                _flush(path)
            new.rename(self.of(number))
            _flush(self.folder)

    def point_at(self, number: int) -> None:
        """From now on readers read that publication."""
        link = sibling(self.folder / CURRENT, "new")
        link.unlink(missing_ok=True)
        link.symlink_to(str(number))
        link.replace(self.folder / CURRENT)
        _flush(self.folder)

    def current(self) -> int | None:
        link = self.folder / CURRENT
        return int(link.readlink().name) if link.is_symlink() and link.readlink().name.isdecimal() else None

    def numbers(self) -> list[int]:
        """Of the publications that lie there, ascending."""
        return sorted(int(path.name) for path in self.folder.glob("*") if path.is_dir() and path.name.isdecimal())

    def of(self, number: int) -> Path:
        return self.folder / str(number)

    def read(self, number: int) -> About:
        """Raises ShoprecError where a file of it is missing or is not as it was published."""
        place = self.of(number)
        about = About.read(place)
        if digests(place) != about.files:
            raise ShoprecError(f"the files in {place} are not those that were published: restore them from a backup")
        return about

    def is_whole(self, number: int) -> bool:
        try:
            self.read(number)
        except ShoprecError:
            return False
        return True

    def drop(self, numbers: Collection[int]) -> None:
        """But never the one that readers read."""
        for number in set(numbers) - {self.current()}:
            shutil.rmtree(self.of(number), ignore_errors=True)

    def clear(self) -> None:
        """What one that was killed had begun."""
        for path in self.folder.glob(".*.new"):
            if path.is_symlink():
                path.unlink()
            elif re.fullmatch(r"\.[0-9]+\.new", path.name):
                shutil.rmtree(path, ignore_errors=True)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
