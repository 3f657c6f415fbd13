"""`dvc.yaml` and `params.yaml` say what the code does: else DVC would skip what has to run again."""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import grimp
import pytest
import yaml

from tasks.params import Params

PROJECT = Path(__file__).parents[2]
STAGES: dict[str, Any] = yaml.safe_load((PROJECT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
PARAMS: dict[str, Any] = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
OF_THE_FLOW = {"source", "promotion", "monitoring", "publication"}
"""Read by a flow: when it fetches, before any stage; when it judges, monitors or publishes, after all."""


def paths(entries: list[str | dict[str, Any]] | None) -> set[str]:
    return {entry if isinstance(entry, str) else next(iter(entry)) for entry in entries or []}


def outs(stage: dict[str, Any]) -> set[str]:
    return set().union(*(paths(stage.get(kind)) for kind in ("outs", "metrics", "plots")))


def entry(stage: dict[str, Any]) -> str:
    found = re.match(r"python -m (tasks\.\w+)", stage["cmd"])
    assert found, stage["cmd"]
    return f"{found[1]}.__main__"


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    return grimp.build_graph("tasks", cache_dir=None)


def is_listed(module: str, deps: set[str]) -> bool:
    """A module is its own file, or one of a folder that is listed; `tasks/__init__.py` has nothing in it."""
    path = Path(module.replace(".", "/"))
    return module == "tasks" or f"{path}.py" in deps or any(str(folder) in deps for folder in (path, *path.parents))


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_lists_every_module_that_it_imports(imports: grimp.ImportGraph, name: str) -> None:
    """Directly or through others, also inside functions."""
    start, deps = entry(STAGES[name]), paths(STAGES[name]["deps"])
    needed = {start} | imports.find_upstream_modules(start)
    assert sorted(module for module in needed if not is_listed(module, deps)) == []


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_lists_no_code_that_it_does_not_import(imports: grimp.ImportGraph, name: str) -> None:
    """It would run again for nothing."""
    start = entry(STAGES[name])
    needed = {start} | imports.find_upstream_modules(start)
    files = {str(Path(module.replace(".", "/"))) for module in needed}
    for dep in paths(STAGES[name]["deps"]):
        if dep.startswith("tasks/"):
            assert any(file == dep.removesuffix(".py") or file.startswith(f"{dep}/") for file in files), dep


def test_the_packages_own_init_has_nothing_in_it_that_could_change_a_result() -> None:
    lines = (PROJECT / "tasks" / "__init__.py").read_text(encoding="utf-8").strip()
    assert lines == "" or re.fullmatch(r'"""[^"]*"""', lines)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_the_lock_of_libraries(name: str) -> None:
    assert "requirements.lock" in paths(STAGES[name]["deps"])


@pytest.mark.parametrize("name", STAGES)
def test_what_is_listed_is_there_or_is_made(name: str) -> None:
    made = set().union(*(outs(stage) for stage in STAGES.values())) | {"data/raw"}
    assert [dep for dep in paths(STAGES[name]["deps"]) if dep not in made and not (PROJECT / dep).exists()] == []


@pytest.mark.parametrize("name", STAGES)
def test_a_stages_command_names_just_its_deps_and_outs(name: str) -> None:
    """Every path on the command line, but params.yaml, is a dep or an out, or the folder of outs."""
    stage = STAGES[name]
    given = re.findall(r"--\w+ (\S+)", stage["cmd"])
    known = paths(stage["deps"]) | outs(stage) | {"params.yaml"}
    for path in given:
        assert path in known or any(out.startswith(f"{path}/") for out in outs(stage)), path
    for path in {dep for dep in paths(stage["deps"]) if dep.startswith(("data/", "models/"))}:
        assert path in given


@pytest.mark.parametrize("name", STAGES)
def test_a_stages_command_gives_every_path_that_its_entry_asks_for(name: str) -> None:
    given = re.findall(r"--(\w+) \S+", STAGES[name]["cmd"])
    assert given == list(import_module(entry(STAGES[name])).PATHS)


def test_a_dep_that_is_made_is_spelled_as_the_out_that_makes_it() -> None:
    """Neither a folder around an out, nor a file within one."""
    made = set().union(*(outs(stage) for stage in STAGES.values()))
    for stage in STAGES.values():
        for dep in paths(stage["deps"]) - made:
            assert not any(out.startswith(f"{dep}/") or dep.startswith(f"{out}/") for out in made), dep


def test_no_two_stages_make_the_same() -> None:
    made = [out for stage in STAGES.values() for out in outs(stage)]
    assert len(made) == len(set(made))


def test_every_section_of_params_is_read_by_a_stage_or_the_flow() -> None:
    read = OF_THE_FLOW.union(*(paths(stage["params"]) for stage in STAGES.values()))
    assert read == set(PARAMS) == set(Params.model_fields)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_names_every_section_of_params_that_its_entry_reads(name: str) -> None:
    source = (PROJECT / entry(STAGES[name]).replace(".", "/")).with_suffix(".py").read_text(encoding="utf-8")
    read = set(re.findall(r"\bparams\.(\w+)", source)) & set(PARAMS)
    assert read == paths(STAGES[name]["params"])
