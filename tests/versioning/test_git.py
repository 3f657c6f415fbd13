"""What is read from git."""

import os
import subprocess
from pathlib import Path

from tasks.versioning.git import has_commit, head


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
