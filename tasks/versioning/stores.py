"""Where DVC keeps content by its hash: the cache and the remote, and whether what lies there still has that hash.

DVC's own commands trust the name of an object; here each is read. Layout: `files/md5/ab/cdef…`; the hash of a folder
ends in `.dir`, and its object is a JSON list of the files in it.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tasks.versioning.repository import configuration


@dataclass(frozen=True)
class Store:
    name: str
    address: str
    folder: Path | None
    """None: it is no folder of this machine."""


def stores(root: Path) -> list[Store]:
    """The cache, and the remote that DVC pushes to, if there is one."""
    known = configuration(root)
    cache = Path(known.get("cache.dir") or root / ".dvc" / "cache")
    found = [Store("cache", str(cache), cache)]
    if name := known.get("core.remote"):
        found.append(_remote(name, known.get(f"remote.{name}.url", "")))
    return found


@dataclass(frozen=True)
class Remotes:
    default: str | None
    """The one that is pushed to."""
    by_name: Mapping[str, Store]


def remotes(root: Path) -> Remotes:
    """All that DVC's configuration names. Raises ShoprecError where it cannot be read."""
    known = configuration(root)
    named = {found[1]: value for name, value in known.items() if (found := _URL.fullmatch(name))}
    return Remotes(known.get("core.remote"), {name: _remote(name, address) for name, address in named.items()})


_URL = re.compile(r"remote\.(.+)\.url")


def _remote(name: str, address: str) -> Store:
    return Store(f"remote {name}", address, None if "://" in address else Path(address))


def lost_objects(digests: Mapping[str, str], folders: Sequence[Path]) -> tuple[list[str], list[str]]:
    """Of path to DVC's hash: what no folder has, and what a folder has with other content; each in words."""
    missing: list[str] = []
    changed: list[str] = []
    for path, digest in _with_files_of_folders(digests, folders):
        found = [place for folder in folders if (place := _place(folder, digest)).is_file()]
        changed += [f"{path}: {place} has MD5 {now}" for place in found if (now := _md5(place)) != _plain(digest)]
        if not found:
            missing.append(f"{path}: {digest}")
    return missing, changed


def missing_objects(digests: Mapping[str, str], folders: Sequence[Path]) -> list[str]:
    """Of path to DVC's hash: what no folder has, in words; by names alone, so the content is not read."""
    return [
        f"{path}: {digest}"
        for path, digest in _with_files_of_folders(digests, folders)
        if not any(_place(folder, digest).is_file() for folder in folders)
    ]


def _with_files_of_folders(digests: Mapping[str, str], folders: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """Each object once, by the first path that has it."""
    seen: set[str] = set()
    waiting = list(digests.items())
    while waiting:
        path, digest = waiting.pop(0)
        if digest in seen:
            continue
        seen.add(digest)
        yield path, digest
        if digest.endswith(".dir"):
            waiting += [(f"{path}/{entry['relpath']}", entry["md5"]) for entry in _listed(digest, folders)]


def _listed(digest: str, folders: Sequence[Path]) -> list[dict[str, str]]:
    """By a list that is as it was written; none where there is none."""
    places = [_place(folder, digest) for folder in folders]
    intact = (place for place in places if place.is_file() and _md5(place) == _plain(digest))
    return next((json.loads(place.read_text(encoding="utf-8")) for place in intact), [])


def _place(folder: Path, digest: str) -> Path:
    return folder / "files" / "md5" / digest[:2] / digest[2:]


def _plain(digest: str) -> str:
    return digest.removesuffix(".dir")


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
