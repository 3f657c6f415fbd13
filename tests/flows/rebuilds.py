"""Projects to be rebuilt, and what a rebuild of theirs is held against."""

import hashlib
import shutil
from pathlib import Path

from flows.lineage.comparing import Compared, compare
from flows.lineage.registered import Registered, read_registered
from flows.production import open_registry
from flows.settings import apply_settings
from tasks.registry.registry import Registry
from tasks.versioning import reproduce, stage_order
from tests.flows.conftest import PROJECT
from tests.flows.test_verify import git

SERVED = ["lists that are served, all purchases", "lists that are served, new items"]
DECIDING = ["metrics", "lists of the test week, all purchases", "lists of the test week, new items", *SERVED]


def committed(root: Path) -> Path:
    for name in (".gitignore", ".dvc/.gitignore"):
        shutil.copy(PROJECT / name, root / name)
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "A shop")
    return root


def silent(_line: str) -> None:
    pass


def files_of(root: Path) -> dict[str, str]:
    """Path to digest of all that is there, git's own files and the registry among them."""
    found = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def registered_in(root: Path, number: int = 1) -> tuple[Registered, Registry]:
    settings = apply_settings(root)
    registry = open_registry(settings)
    return read_registered(settings, registry, number), registry


def compared_again(root: Path, folder: Path) -> dict[str, Compared]:
    """After something was changed in `folder` by hand, and every stage that it concerns was run again."""
    for stage in stage_order(folder / "dvc.yaml"):
        reproduce(folder, stage, silent)
    return compared(root, folder)


def compared(root: Path, folder: Path) -> dict[str, Compared]:
    shutil.rmtree(folder / "var" / "served", ignore_errors=True)
    found = compare(*registered_in(root), folder, silent)
    return {one.name: one for one in found}
