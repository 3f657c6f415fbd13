"""What CI commits: what a run wrote and nothing else, on top of what others pushed, never over it."""

from pathlib import Path

import pytest

from tasks.errors import ShoprecError, TransientError
from tasks.versioning.commits import Author, commit_files, push_commits
from tasks.versioning.git import commit_named, file_at, run_git

BOT = Author("shoprec bot", "bot@shop.example")


@pytest.fixture
def clones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Two of one bare repository, on its branch main; no name of a person is known to git."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none"))
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch", "main", "remote.git")
    for name in ("ours", "theirs"):
        git(tmp_path, "clone", "--quiet", "remote.git", name)
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    git(ours, "checkout", "--quiet", "-b", "main")
    (ours / "dvc.lock").write_text("one\n")
    commit_files(ours, ["dvc.lock"], "first", BOT)
    push_commits(ours, BOT)
    git(theirs, "pull", "--quiet", "origin", "main")
    return ours, theirs


def git(root: Path, *arguments: str) -> str:
    done = run_git(root, *arguments)
    assert done is not None
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def write(root: Path, name: str, text: str) -> None:
    (root / name).write_text(text)


def push_as_somebody_else(theirs: Path, name: str, text: str) -> None:
    write(theirs, name, text)
    commit_files(theirs, [name], "theirs", Author("Ada", "ada@shop.example"))
    push_commits(theirs, BOT)


def test_only_what_is_named_is_committed_by_the_one_who_is_named(clones: tuple[Path, Path]) -> None:
    ours, _ = clones
    write(ours, "dvc.lock", "two\n")
    write(ours, "notes.txt", "staged, and not ours to commit")
    git(ours, "add", "notes.txt")
    digest = commit_files(ours, ["dvc.lock"], "version 2 [skip ci]", BOT)
    assert digest == commit_named(ours, "HEAD")
    assert git(ours, "show", "--name-only", "--format=%an %ae %cn %s") == (
        "shoprec bot bot@shop.example shoprec bot version 2 [skip ci]\n\ndvc.lock"
    )
    assert git(ours, "status", "--porcelain") == "A  notes.txt"
    assert commit_files(ours, ["dvc.lock"], "again", BOT) is None, "nothing changed"


def test_what_somebody_else_pushed_meanwhile_stays_and_ours_comes_on_top(clones: tuple[Path, Path]) -> None:
    ours, theirs = clones
    push_as_somebody_else(theirs, "params.yaml", "theirs\n")
    write(ours, "dvc.lock", "two\n")
    write(ours, "left.txt", "changed on the way, never committed")
    commit_files(ours, ["dvc.lock"], "ours", BOT)
    assert push_commits(ours, BOT) == "origin/main"
    git(theirs, "pull", "--quiet", "origin", "main")
    assert git(theirs, "log", "--format=%s") == "ours\ntheirs\nfirst"
    assert file_at(theirs, "HEAD", "dvc.lock") == "two\n"
    assert file_at(theirs, "HEAD", "params.yaml") == "theirs\n"
    assert (ours / "left.txt").exists()


def test_what_does_not_go_together_is_told_and_nothing_is_pushed(clones: tuple[Path, Path]) -> None:
    ours, theirs = clones
    push_as_somebody_else(theirs, "dvc.lock", "theirs\n")
    write(ours, "dvc.lock", "ours\n")
    mine = commit_files(ours, ["dvc.lock"], "ours", BOT)
    with pytest.raises(ShoprecError, match=r"somebody pushed to origin/main meanwhile.*keep their dvc.lock"):
        push_commits(ours, BOT)
    assert commit_named(ours, "HEAD") == mine, "the rebase was taken back"
    assert git(theirs, "ls-remote", "origin", "main").startswith(git(theirs, "rev-parse", "HEAD"))


def test_a_remote_that_is_gone_may_come_back(clones: tuple[Path, Path]) -> None:
    ours, _ = clones
    git(ours, "remote", "set-url", "origin", str(ours.parent / "gone.git"))
    write(ours, "dvc.lock", "two\n")
    commit_files(ours, ["dvc.lock"], "ours", BOT)
    with pytest.raises(TransientError, match="could not be pushed to origin"):
        push_commits(ours, BOT)


def test_a_branch_that_refuses_is_told_in_its_own_words(clones: tuple[Path, Path]) -> None:
    """As one that is protected: to come on top of it is no help."""
    ours, _ = clones
    hook = ours.parent / "remote.git" / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'protected branch' >&2\nexit 1\n")
    hook.chmod(0o755)
    write(ours, "dvc.lock", "two\n")
    commit_files(ours, ["dvc.lock"], "ours", BOT)
    with pytest.raises(ShoprecError, match="protected branch"):
        push_commits(ours, BOT)


def test_without_a_remote_a_commit_is_all(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    write(tmp_path, "dvc.lock", "one\n")
    assert commit_files(tmp_path, ["dvc.lock"], "first", BOT)
    assert push_commits(tmp_path, BOT) == ""


def test_without_a_branch_there_is_nothing_to_push_to(clones: tuple[Path, Path]) -> None:
    ours, _ = clones
    git(ours, "checkout", "--quiet", "--detach")
    with pytest.raises(ShoprecError, match="no branch checked out"):
        push_commits(ours, BOT)
