"""Versions that shipped before there was an option still serve whoever asks for what it does."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.duel import Shipped, rebuild
from tasks.errors import ShoprecError
from tasks.folds import Fold
from tests.flows.killing import silent

OF_BEFORE = """
import argparse, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("command")
for name in ("params", "valid", "ranker", "cutoff", "end", "out"):
    parser.add_argument(f"--{name}")
given = parser.parse_args()
if given.valid != "nothing":
    pathlib.Path(given.out).mkdir()
    pathlib.Path(given.out, "as_of").write_text(given.cutoff)
"""
"""The command line as it was when it made one bundle."""
WEEK = timedelta(days=7)


@pytest.fixture
def shipped(tmp_path: Path) -> Shipped:
    package = tmp_path / "code" / "tasks" / "recommender"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").touch()
    (package / "__main__.py").write_text(OF_BEFORE)
    return Shipped(tmp_path / "code", tmp_path / "params.yaml", tmp_path / "ranker")


def test_code_that_makes_one_bundle_is_asked_for_each(shipped: Shipped, tmp_path: Path) -> None:
    folds = [Fold("serve", datetime(2024, 3, day, tzinfo=UTC), WEEK) for day in (8, 1)]
    states = {tmp_path / f"state-{n}": fold for n, fold in enumerate(folds)}
    rebuild(shipped, tmp_path, states, silent)
    for out, fold in states.items():
        assert (out / "as_of").read_text() == fold.cutoff.isoformat()


def test_code_that_makes_none_is_not_asked_for_ever(shipped: Shipped, tmp_path: Path) -> None:
    states = {tmp_path / "state": Fold("serve", datetime(2024, 3, 8, tzinfo=UTC), WEEK)}
    with pytest.raises(ShoprecError, match=r"made none of the bundles.*state"):
        rebuild(shipped, Path("nothing"), states, silent)
