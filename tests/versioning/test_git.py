"""What is read from git."""

import os
import subprocess
from pathlib import Path

import pytest

from tasks.errors import ShoprecError
from tasks.versioning.git import check_out, folder_in_repository, has_commit, head


def commit(root: Path) -> None:
    named = ["-c", "user.name=Ada", "-c", "user.email=ada@shop.example"]
    for arguments in (["init", "-q"], ["add", "."], [*named, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", *arguments], cwd=root, check=True)


def test_a_folder_outside_git_has_no_commit(tmp_path: Path) -> None:
    assert head(tmp_path) is None
    assert has_commit(tmp_path, "ab" * 20) is None


def test_files_that_are_not_as_committed_are_named_but_not_what_every_run_writes(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("a: 1")
    commit(tmp_path)
    clean = head(tmp_path)
    assert clean is not None
    assert clean.changed == ()
    assert has_commit(tmp_path, clean.digest)
    assert has_commit(tmp_path, "ab" * 20) is False
    (tmp_path / "data").mkdir()
    for name in ("params.yaml", "dvc.lock", "data/raw.dvc", "with a blank é.txt"):
        (tmp_path / name).write_text("b: 2")
    changed = head(tmp_path)
    assert changed is not None
    assert changed.changed == ("params.yaml", "with a blank é.txt")


def test_only_the_project_counts_where_it_is_a_folder_of_a_larger_repository(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "params.yaml").write_text("a: 1")
    commit(tmp_path)
    (tmp_path / "of another.txt").write_text("")
    found = head(tmp_path / "project")
    assert found is not None
    assert found.changed == ()


def test_a_name_in_another_encoding_is_named_as_well_as_it_can_be(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("a: 1")
    commit(tmp_path)
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/M\xe4rz.csv")).write_text("")
    found = head(tmp_path)
    assert found is not None
    assert found.changed == ("M\ufffdrz.csv",)


def test_an_older_commit_is_checked_out_elsewhere_whatever_the_folder_has_now(tmp_path: Path) -> None:
    project, into = tmp_path / "project", tmp_path / "deep" / "elsewhere"
    project.mkdir()
    (project / "params.yaml").write_text("a: 1")
    commit(project)
    first = head(project)
    assert first is not None
    (project / "params.yaml").write_text("a: 2")
    (project / "later.txt").write_text("")
    commit(project)
    (project / "params.yaml").write_text("a: 3")
    check_out(project, first.digest, into)
    assert (into / "params.yaml").read_text() == "a: 1"
    assert not (into / "later.txt").exists()
    assert head(into) == first
    assert (project / "params.yaml").read_text() == "a: 3"


def test_a_commit_that_cannot_be_checked_out_is_told_in_gits_own_words(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("a: 1")
    commit(tmp_path)
    with pytest.raises(ShoprecError, match="could not be checked out of .*: fatal: "):
        check_out(tmp_path, "ab" * 20, tmp_path / "elsewhere")


def test_a_folder_of_a_larger_repository_is_known_by_its_place(tmp_path: Path) -> None:
    (tmp_path / "shops" / "north").mkdir(parents=True)
    assert folder_in_repository(tmp_path / "shops") == ""
    (tmp_path / "shops" / "north" / "params.yaml").write_text("a: 1")
    commit(tmp_path)
    assert folder_in_repository(tmp_path) == ""
    assert folder_in_repository(tmp_path / "shops" / "north") == "shops/north/"
