"""Artefacts of folds, and of spans of folds, addressed by the content they came from: what a run before made of the
same is not made again.

A stage's folder of them stays where it is while the stage runs (`persist` in `dvc.yaml`), with a list of the digests
that they were made from. A week later nearly all of them are wanted again, under another name.
"""

import hashlib
import json
import platform
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.ingestion.storage import replace_file

MADE_FROM = "made_from.json"
"""In the folder of folds: fold to the digest of all that it was made from, and to that of what it holds."""
_WHOLE, _SCRATCH = ".whole", "scratch"
_PACKAGE = Path(__file__).parent


def digest(*parts: Any) -> str:
    """SHA-256 of what JSON makes of the parts; what it does not know counts as its text."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def lock_beside(params: Path) -> Path:
    """In the project, where `params.yaml` lies; there is none in a folder that was made for one call of a stage."""
    return params.with_name("requirements.lock")


def digest_of_code(names: Sequence[str], lock: Path | None = None) -> str:
    """Of modules and packages in `tasks`, by file names, of the libraries that `lock` pins, where there is one, and of
    Python and processor: others may round differently."""
    found = hashlib.sha256(lock.read_bytes() if lock and lock.exists() else b"")
    found.update(f"{platform.python_version()}\0{processor()}\0".encode())
    for path, code in code_files(names).items():
        found.update(path.encode() + b"\0" + code)
    return found.hexdigest()


def code_files(names: Sequence[str], package: Path = _PACKAGE) -> dict[str, bytes]:
    """Modules and packages of a `tasks` package: path in it to what stands there, in an order of its own."""
    places = [package / name for name in sorted(names)]
    files = [file for place in places for file in ([place] if place.is_file() else sorted(place.rglob("*.py")))]
    return {file.relative_to(package).as_posix(): file.read_bytes() for file in files}


def digest_of_file(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def digest_of_folder(folder: Path) -> str:
    """Of its files, by their names and bytes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return digest(*((file.relative_to(folder).as_posix(), digest_of_file(file)) for file in files))


def processor() -> str:
    """With its model on Linux, where Python names the family at most: results differ in their last digits by it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())


class Rows:
    """A table whose parts are told apart by their rows' values, order and types."""

    def __init__(self, table: pd.DataFrame) -> None:
        self._types = [(name, str(kind)) for name, kind in table.dtypes.items()]
        self._hashes = pd.util.hash_pandas_object(table, index=False).to_numpy()

    def digest(self, where: NDArray[np.bool_]) -> str:
        """Of the rows for which `where` (n_rows,) holds."""
        return digest(self._types, hashlib.sha256(self._hashes[where].tobytes()).hexdigest())


class KeptFolds:
    """The folder of folds `out` while a stage fills it: of what a run before left there, folds of the same content are
    used again, under whatever name they were. One whose files are not those that were written is made anew.

    On leaving without an error every wanted fold, and nothing else, stands in `out`. A stage that is killed, whenever,
    leaves all folds that are whole to the next run, and none that is not.
    """

    def __init__(self, out: Path, wanted: Mapping[str, str]) -> None:
        """`wanted`: fold to the digest of all that it is made from."""
        self._out, self._wanted, self._whole = out, wanted, out / _WHOLE
        self._holds: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._whole.mkdir(parents=True, exist_ok=True)
        for name, (found, holds) in _read(self._out / MADE_FROM).items():
            kept = self._out / name
            if kept.is_dir() and not self.place(found).exists() and digest_of_folder(kept) == holds:
                kept.rename(self.place(found))
                self._holds[found] = holds
        left = [path for path in self._out.iterdir() if path not in (self._whole, self._out / MADE_FROM)]
        for path in [*left, self.scratch]:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        self.scratch.mkdir()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is not None:
            return
        told = {name: (found, self._digest_of_what_it_holds(found)) for name, found in self._wanted.items()}
        replace_file(self._out / MADE_FROM, (json.dumps(told, indent=1) + "\n").encode())
        for name, found in self._wanted.items():
            self.place(found).rename(self._out / name)
        shutil.rmtree(self._whole)

    @property
    def scratch(self) -> Path:
        """An empty folder to make folds in."""
        return self._whole / _SCRATCH

    def missing(self) -> list[str]:
        """The folds that have to be made."""
        return [name for name, found in self._wanted.items() if not self.place(found).is_dir()]

    def place(self, found: str) -> Path:
        """Where a fold of this digest lies until the stage ends; a folder only where it has been made."""
        return self._whole / found

    def add(self, name: str, made: Path) -> None:
        """The wanted fold is whole, in the folder `made` in scratch."""
        made.rename(self.place(self._wanted[name]))

    def _digest_of_what_it_holds(self, found: str) -> str:
        return self._holds.get(found) or digest_of_folder(self.place(found))


def _read(path: Path) -> dict[str, tuple[str, str]]:
    """A fold of an older list, which does not say what it holds, is not used again."""
    listed = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {name: (told[0], told[1]) for name, told in listed.items() if isinstance(told, list)}
