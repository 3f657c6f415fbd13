"""When a champion's state need not be made again for a duel."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.like_state import params_of_like_state
from tasks.params import load_params
from tests.shop import PROJECT

OURS = load_params(PROJECT / "params.yaml")


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    shutil.copytree(PROJECT / "tasks", tmp_path / "tasks", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "params.yaml", tmp_path)
    return tmp_path


def change(params: Path, section: str, **values: Any) -> None:
    told = yaml.safe_load(params.read_text(encoding="utf-8"))
    told[section] |= values
    params.write_text(yaml.safe_dump(told), encoding="utf-8")


def test_the_same_code_and_params_make_the_same_state(shipped: Path) -> None:
    assert params_of_like_state(shipped, shipped / "params.yaml", PROJECT, OURS) == OURS


@pytest.mark.parametrize("file", ["features/groups.py", "candidates/als.py", "recommender/recommender.py", "folds.py"])
def test_other_code_may_not(shipped: Path, file: str) -> None:
    with (shipped / "tasks" / file).open("a", encoding="utf-8") as code:
        code.write("\n# other\n")
    assert params_of_like_state(shipped, shipped / "params.yaml", PROJECT, OURS) is None


def test_the_projects_own_code_counts_and_not_the_package_of_the_flow(shipped: Path, tmp_path: Path) -> None:
    root = tmp_path / "project"
    shutil.copytree(shipped / "tasks", root / "tasks")
    assert params_of_like_state(shipped, shipped / "params.yaml", root, OURS) is not None
    (root / "tasks" / "folds.py").write_text("")
    assert params_of_like_state(shipped, shipped / "params.yaml", root, OURS) is None


def test_a_rebuild_reads_no_other_params_than_are_compared() -> None:
    code = (PROJECT / "tasks" / "recommender" / "rebuild.py").read_text(encoding="utf-8")
    assert set(re.findall(r"\bparams\.(\w+)", code)) == {"shop", "features", "candidates", "diversity"}


def test_a_module_more_or_less_may_not(shipped: Path) -> None:
    (shipped / "tasks" / "candidates" / "more.py").touch()
    assert params_of_like_state(shipped, shipped / "params.yaml", PROJECT, OURS) is None
    shutil.rmtree(shipped / "tasks" / "candidates")
    assert params_of_like_state(shipped, shipped / "params.yaml", PROJECT, OURS) is None


@pytest.mark.parametrize(
    ("section", "values"),
    [
        ("candidates", {"universe_days": 30}),
        ("features", {"windows_days": [7, 28]}),
        ("shop", {"time_zone": "Europe/Berlin"}),
    ],
)
def test_other_params_of_the_state_do_not(shipped: Path, section: str, values: dict[str, Any]) -> None:
    change(shipped / "params.yaml", section, **values)
    assert params_of_like_state(shipped, shipped / "params.yaml", PROJECT, OURS) is None


def test_its_own_ranker_and_diversity_change_nothing(shipped: Path) -> None:
    (shipped / "tasks" / "reranking" / "boosters.py").write_text("")
    change(shipped / "params.yaml", "diversity", places=5)
    theirs = params_of_like_state(shipped, shipped / "params.yaml", PROJECT, OURS)
    assert theirs is not None
    assert theirs.diversity.places == 5
