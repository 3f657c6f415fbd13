"""Committing what a run wrote, and pushing it: never by force, and never over what somebody else pushed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tasks.errors import ShoprecError, TransientError
from tasks.versioning.git import run_git

_BEHIND = ("fetch first", "non-fast-forward")
_REFUSED = "[remote rejected]"


@dataclass(frozen=True)
class Author:
    name: str
    email: str


def commit_files(root: Path, paths: Sequence[str], message: str, author: Author) -> str | None:
    """Commits these files as they are, and nothing else that is staged; its digest, or None where nothing changed."""
    _git(root, "add", "--", *paths)
    if not _git(root, "status", "--porcelain", "--", *paths):
        return None
    who = {f"GIT_{role}_{part}": of for role in ("AUTHOR", "COMMITTER") for part, of in _parts(author).items()}
    _git(root, "commit", "--quiet", "--no-verify", "--message", message, "--only", "--", *paths, **who)
    return _git(root, "rev-parse", "HEAD")


def push_commits(root: Path, author: Author) -> str:
    """Where to, in words; empty where there is no remote. What somebody else pushed meanwhile comes first.

    Raises ShoprecError where no branch is checked out, the branch is protected, theirs and ours do not go together, or
    somebody was faster twice; TransientError where the remote does not answer. The commit stays in all of these.
    """
    remotes = _git(root, "remote").split()
    if not remotes:
        return ""
    remote = "origin" if "origin" in remotes else remotes[0]
    branch = _branch(root)
    where = f"{remote}/{branch}"
    if _is_pushed(root, remote, branch):
        return where
    _put_on_top(root, remote, branch, author)
    if not _is_pushed(root, remote, branch):
        raise ShoprecError(f"somebody pushed to {where} twice while this commit was on its way to it: run again")
    return where


def _is_pushed(root: Path, remote: str, branch: str) -> bool:
    """False: the remote has commits that are not here."""
    done = run_git(root, "push", "--quiet", remote, f"HEAD:refs/heads/{branch}")
    if done is not None and done.returncode == 0:
        return True
    words = done.stderr.strip() if done else "the program git is missing"
    if any(sign in words for sign in _BEHIND):
        return False
    if _REFUSED in words:
        raise ShoprecError(
            f"{remote} does not take the commit on {branch}: {words}\nWhere the branch is protected, allow this user to"
            " push to it, or commit dvc.lock by a pull request of a person"
        )
    raise TransientError(
        f"the commit could not be pushed to {remote}: {words}\nSee that it can be reached and that this user may write"
        " there; the commit is made, `git push` sends it"
    )


def _put_on_top(root: Path, remote: str, branch: str, author: Author) -> None:
    _git(root, "fetch", "--quiet", remote, branch)
    who = {"GIT_COMMITTER_NAME": author.name, "GIT_COMMITTER_EMAIL": author.email}
    done = run_git(root, "rebase", "--quiet", "--autostash", "FETCH_HEAD", **who)
    if done is None or done.returncode:
        run_git(root, "rebase", "--abort")
        raise ShoprecError(
            f"somebody pushed to {remote}/{branch} meanwhile, and their changes and this commit touch the same lines"
            " (dvc.lock, most likely); nothing was pushed. Start from their state: `git pull --rebase`, keep their"
            " dvc.lock, run again"
        )


def _branch(root: Path) -> str:
    done = run_git(root, "symbolic-ref", "--quiet", "--short", "HEAD")
    if done is None or done.returncode:
        raise ShoprecError(f"{root} has no branch checked out, so there is nothing to push to: `git checkout BRANCH`")
    return done.stdout.strip()


def _parts(author: Author) -> dict[str, str]:
    return {"NAME": author.name, "EMAIL": author.email}


def _git(root: Path, *arguments: str, **more: str) -> str:
    done = run_git(root, *arguments, **more)
    if done is None or done.returncode:
        words = (done.stderr or done.stdout).strip() if done else "the program git is missing"
        raise ShoprecError(f"`git {' '.join(arguments[:2])}` failed in {root}: {words}")
    return done.stdout.strip()
