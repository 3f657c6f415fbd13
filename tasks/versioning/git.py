"""What git knows of the project's folder: asked through the program, for none of it is needed where there is no git."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tasks.errors import ShoprecError

_WRITTEN_BY_A_RUN = ("dvc.lock", ".dvc")
"""Ends of the names that every run writes: they stand beside the commit in a passport, not against it."""
_SET_BY_HOOKS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_PREFIX")
"""Variables that would lead the program to another repository."""


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


def folder_in_repository(root: Path) -> str:
    """Of the repository that `root` lies in, with a slash at its end; empty at its top, and outside git."""
    return (_git(root, "rev-parse", "--show-prefix") or "").strip()


def check_out(root: Path, digest: str, into: Path) -> None:
    """Clones the repository at `root` into the new or empty folder `into`, with the files of one commit.

    Raises ShoprecError with git's own words.
    """
    for folder, arguments in (
        (root, ("clone", "--quiet", "--no-checkout", "--", str(root), str(into))),
        (into, ("checkout", "--quiet", "--detach", digest)),
    ):
        done = run_git(folder, *arguments)
        if done is None or done.returncode:
            words = "the program git is missing" if done is None else done.stderr.strip()
            raise ShoprecError(f"{digest} could not be checked out of {root} into {into}: {words}")


def commit_named(root: Path, name: str) -> str | None:
    """Digest of what a branch, a tag or a digest names; None where git knows none."""
    found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    return found.strip() if found else None


def file_at(root: Path, digest: str, path: str) -> str | None:
    """Of the project at a commit; None: it was not there."""
    return _git(root, "show", f"{digest}:./{path}")


def _git(root: Path, *arguments: str) -> str | None:
    """What it says; None where it fails."""
    done = run_git(root, *arguments)
    return None if done is None or done.returncode else done.stdout


def run_git(root: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str] | None:
    """None: there is no such program. `more`: variables for its environment."""
    program = shutil.which("git")
    if program is None:
        return None
    env = {name: value for name, value in os.environ.items() if name not in _SET_BY_HOOKS}
    env |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", **more}
    return subprocess.run(
        [program, *arguments], cwd=root, env=env, capture_output=True, encoding="utf-8", errors="replace", check=False
    )
