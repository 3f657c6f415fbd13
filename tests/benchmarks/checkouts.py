"""A revision of this repository as a folder of its own, so that what is measured is just what was committed."""

import subprocess
from pathlib import Path

_GIT = ("git", "-c", "advice.detachedHead=false")
_MEASURED = ("tasks", "expectations", "params.yaml", "requirements.lock")


def is_changed(repository: Path) -> bool:
    """Whether what is measured is other in the working tree than in its last commit."""
    asked = [*_GIT, "status", "--porcelain", "--", *_MEASURED]
    return bool(subprocess.run(asked, cwd=repository, check=True, capture_output=True, text=True).stdout)


def check_out(repository: Path, revision: str, folder: Path) -> Path:
    """Makes `folder`; `revision` as the repository itself understands it, such as HEAD~1.

    Raises CalledProcessError where there is no such revision.
    """
    commit = subprocess.run([*_GIT, "rev-parse", revision], cwd=repository, check=True, capture_output=True, text=True)
    subprocess.run([*_GIT, "clone", "--quiet", "--no-local", repository, folder], check=True)
    subprocess.run([*_GIT, "checkout", "--quiet", commit.stdout.strip()], cwd=folder, check=True)
    return folder
