"""What was merged, made a version: registered as a candidate, its data in DVC's remote, its lock in git."""

from dataclasses import dataclass

from flows.ci.learning import Learned, learn
from flows.patience import patiently
from flows.settings import Settings
from flows.steps import open_registry, register
from tasks.params import load_params
from tasks.registry import Version
from tasks.versioning import pointers, push
from tasks.versioning.commits import Author, commit_files, push_commits
from tasks.versioning.process import OnLine


@dataclass(frozen=True)
class Merged:
    version: Version
    is_new: bool
    learned: Learned
    commit: str | None
    """Of dvc.lock and the pointers to data; None: they were as committed."""
    pushed_to: str
    """Such as origin/main; empty: there is no remote, or nothing to push."""


def register_merged(settings: Settings, author: Author, newest_data: bool, on_line: OnLine) -> Merged:
    """Nobody judges or promotes here: the next retrain does, or a person, and what serves goes on serving."""
    root = settings.root
    params = load_params(root / "params.yaml")
    learned = learn(settings, newest_data, on_line)
    patiently(lambda: push(root, on_line), on_line)  # what is registered must be safe in its remote first
    registry = patiently(lambda: open_registry(settings), on_line)
    version, is_new = patiently(lambda: register(settings, registry, params), on_line)
    files = ["dvc.lock", *(path.relative_to(root).as_posix() for path in pointers(root))]
    commit = commit_files(root, files, _message(version), author)
    pushed_to = patiently(lambda: push_commits(root, author), on_line) if commit else ""
    return Merged(version, is_new, learned, commit, pushed_to)


def _message(version: Version) -> str:
    """Without it a commit of CI would start CI again."""
    return f"Data and results of {version.name} version {version.number} [skip ci]"
