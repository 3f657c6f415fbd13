"""A winner in params.yaml: only its own lines change."""

import difflib
import shutil
from pathlib import Path

import pytest
import yaml

from tasks.errors import ShoprecError
from tasks.params import load_params
from tasks.schema import Task
from tasks.tuning.settled import write_settings
from tasks.tuning.space import Settings
from tests.shop import PROJECT


@pytest.fixture
def params(tmp_path: Path) -> Path:
    return Path(shutil.copy(PROJECT / "params.yaml", tmp_path / "params.yaml"))


def changed_lines(params: Path) -> list[str]:
    before = (PROJECT / "params.yaml").read_text(encoding="utf-8").splitlines()
    found = difflib.ndiff(before, params.read_text(encoding="utf-8").splitlines())
    return [line for line in found if line[0] in "+-"]


def test_what_is_as_it_was_leaves_the_file_to_the_byte(params: Path) -> None:
    write_settings(params, "new", {"learning_rate": 0.1, "folds": None, "bagging_by_query": True})
    assert params.read_bytes() == (PROJECT / "params.yaml").read_bytes()


def test_a_value_changes_in_its_line_and_comments_stay(params: Path) -> None:
    write_settings(params, "all", {"negatives": 0.4, "folds": 3})
    folds, negatives = "    folds: null # of the train folds all; or so many, the newest", "    negatives: 0.25"
    assert changed_lines(params) == [
        f"- {folds}",
        f"+ {folds.replace('null', '3   ')}",  # the comment keeps its column
        f"- {negatives}",
        "+     negatives: 0.4",
        "+     folds: null",  # of the other task, which had it from this one
    ]


@pytest.mark.parametrize("task", ["all", "new"])
def test_the_other_task_keeps_what_it_reads_out_of_this_ones_section(params: Path, task: Task) -> None:
    """`new` has what `all` says, but for what it says itself."""
    text = params.read_text(encoding="utf-8")
    assert "all: &booster" in text and "<<: *booster" in text
    before, settings = load_params(params), {"num_leaves": 63, "lambda_l2": 7.5, "learning_rate": 0.05}
    write_settings(params, task, settings)
    after = load_params(params)
    other: Task = "new" if task == "all" else "all"
    assert after.ranker.of(other) == before.ranker.of(other)
    assert after.ranker.of(task) == before.ranker.of(task).model_copy(update=settings)
    assert after == before.model_copy(update={"ranker": after.ranker})
    written = params.read_text(encoding="utf-8")
    assert "all: &booster" in written and "<<: *booster" in written
    assert written.count("#") == text.count("#")
    assert yaml.safe_load(written)["candidates"] == yaml.safe_load(text)["candidates"]


def test_sections_that_are_one_are_not_changed_and_it_says_what_to_do(params: Path) -> None:
    text = params.read_text(encoding="utf-8")
    begin, end = text.index("  new:\n    <<: *booster"), text.index("\nevaluation:")
    params.write_text(text[:begin] + "  new: *booster\n" + text[end:], encoding="utf-8")
    before, settings = params.read_bytes(), Settings(num_leaves=63)
    with pytest.raises(ShoprecError, match=r"as they share it whole; .* set by hand: \{'num_leaves': 63\}"):
        write_settings(params, "new", settings)
    assert params.read_bytes() == before
    assert sorted(path.name for path in params.parent.iterdir()) == ["params.yaml"]
