"""What a benchmark compares a working tree with."""

import subprocess
from pathlib import Path

import pytest

from tests.benchmarks.checkouts import is_changed


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "code.py").write_text("")
    for command in (["init"], ["add", "."], ["commit", "-m", "first"]):
        who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
        subprocess.run(["git", *who, *command], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


@pytest.mark.parametrize("path", ["tasks/code.py", "tasks/new.py", "params.yaml"])
def test_code_or_params_that_were_changed_are_a_change(repository: Path, path: str) -> None:
    assert not is_changed(repository)
    (repository / path).write_text("other\n")
    assert is_changed(repository)


def test_what_a_run_leaves_is_none(repository: Path) -> None:
    (repository / "dvc.lock").write_text("schema: '2.0'\n")
    assert not is_changed(repository)
