from pathlib import Path

import pytest

from tasks.errors import ShoprecError
from tasks.versioning import stage_order, stage_waves
from tests.versioning.conftest import PROJECT


def write(folder: Path, text: str) -> Path:
    path = folder / "dvc.yaml"
    path.write_text(text)
    return path


def test_stages_come_after_those_that_make_what_they_read(toy: Path) -> None:
    assert stage_order(toy / "dvc.yaml") == ["double", "total", "show"]


def test_stages_that_do_not_depend_on_each_other_keep_the_order_of_the_file(tmp_path: Path) -> None:
    names = ["zebra", "ant", "mole"]
    path = write(tmp_path, "stages:\n" + "".join(f"  {n}:\n    cmd: run\n    outs: [{n}.txt]\n" for n in names))
    assert stage_order(path) == names


def test_stages_are_of_one_wave_where_none_reads_what_another_makes(toy: Path) -> None:
    assert stage_waves(toy / "dvc.yaml") == [["double"], ["total"], ["show"]]
    waves = [["validate"], ["features", "candidates"], ["rerank"], ["evaluate"]]
    assert stage_waves(PROJECT / "dvc.yaml") == waves


def test_a_circle_is_named(tmp_path: Path) -> None:
    text = "stages:\n  a:\n    cmd: x\n    deps: [q]\n    outs: [p]\n  b:\n    cmd: x\n    deps: [p]\n    outs: [q]\n"
    with pytest.raises(ShoprecError, match="'a', 'b', 'a'.*|'b', 'a', 'b'.*break the circle"):
        stage_order(write(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stages: {}", "has no stages"),
        ("stages: [", "is no YAML"),
        ("stages:\n  a:\n    foreach: [1]\n", "'a' has no cmd"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ShoprecError, match=said):
        stage_order(write(tmp_path, text))


def test_a_missing_file_says_where_to_run(tmp_path: Path) -> None:
    with pytest.raises(ShoprecError, match="run in the project's folder"):
        stage_order(tmp_path / "dvc.yaml")
