"""What git knows of the project's folder: read by the program, for nothing of it is needed where there is no git."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_WRITTEN_BY_A_RUN = ("dvc.lock", ".dvc")
"""Ends of the names that every run writes: they stand beside the commit in a passport, not against it."""


@dataclass(frozen=True)
class Commit:
    digest: str
    changed: tuple[str, ...]
    """Paths in the folder that are not as committed, or not committed; without those that every run writes."""


def head(root: Path) -> Commit | None:
    """None: outside git, before the first commit, or without the program git."""
    found = _git(root, "rev-parse", "--verify", "--quiet", "HEAD")
    if found is None:
        return None
    told = _git(root, "status", "--porcelain", "--no-renames", "--untracked-files=all", "-z", "--", ".") or ""
    changed = [line[3:] for line in told.split("\0") if line]
    return Commit(found.strip(), tuple(sorted(path for path in changed if not path.endswith(_WRITTEN_BY_A_RUN))))


def has_commit(root: Path, digest: str) -> bool | None:
    """None: it cannot be told, for `root` is not in git."""
    if _git(root, "rev-parse", "--git-dir") is None:
        return None
    return _git(root, "cat-file", "-e", f"{digest}^{{commit}}") is not None


def _git(root: Path, *arguments: str) -> str | None:
    """What it says; None where it fails. A variable that a hook of git has set would lead it to another repository."""
    program = shutil.which("git")
    if program is None:
        return None
    env = {name: value for name, value in os.environ.items() if name not in ("GIT_DIR", "GIT_WORK_TREE")}
    env["GIT_OPTIONAL_LOCKS"] = "0"
    done = subprocess.run(
        [program, *arguments], cwd=root, env=env, capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    return None if done.returncode else done.stdout
