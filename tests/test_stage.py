"""The command line that every stage's entry has."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.stage import paths

PROJECT = Path(__file__).parents[1]
STEP = """
from tasks.stage import paths

given = paths("What it does.", {"raw": "folder of raw tables"})
print(given.raw / "events.parquet")
"""


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder with the same step twice: as a package's entry, as the stages are, and as a module, as the fetch is."""
    (tmp_path / "room").mkdir()
    for name in ("room/__main__.py", "module.py"):
        (tmp_path / name).write_text(STEP)
    return tmp_path


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"PYTHONPATH": str(PROJECT)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


def test_an_option_is_a_path(elsewhere: Path) -> None:
    assert python(elsewhere, "-m", "room", "--raw", "data/raw").stdout == "data/raw/events.parquet\n"


@pytest.mark.parametrize("module", ["room", "module"])
def test_help_shows_the_command_that_was_typed_and_what_each_path_is(elsewhere: Path, module: str) -> None:
    said = python(elsewhere, "-m", module, "--help").stdout
    assert f"usage: python -m {module} [-h] --raw RAW" in said
    assert "What it does." in said
    assert "folder of raw tables" in said


def test_a_file_that_is_run_by_its_path_is_called_by_its_name(elsewhere: Path) -> None:
    assert "usage: module.py [-h]" in python(elsewhere, "module.py", "--help").stdout


def test_no_path_may_be_left_out(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["step", "--raw", "data/raw"])
    with pytest.raises(SystemExit):
        paths("What it does.", {"raw": "one", "valid": "other"})
    assert "the following arguments are required: --valid" in capsys.readouterr().err
