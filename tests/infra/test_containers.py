"""infra/Dockerfile and infra/compose.yaml: what linters say of them, and what they do not look at; without Docker."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra.containers import COMPOSE, PROJECT, SECRETS, services

DOCKERFILE = PROJECT / "infra" / "Dockerfile"
ONCE = {"deploy"}
"""Services that do one thing and end, so nobody asks how they are."""
MAY_BE_EMPTY = {"SHOPREC_ALERTS_URL", "SHOPREC_SOURCE"}
NO_DIGEST = "CL-0019"
"""compose-lint's rule. Tags are pinned, digests are not: docs/containers.md says why, and how to."""
_COPIED = re.compile(r"^COPY (?!--from)(.+) (\S+)$", re.MULTILINE)
_SECRET = re.compile(r"PASSWORD|SECRET|_KEY|AUTH_STRING")


def tool(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def hadolint(file: Path) -> list[str]:
    done = subprocess.run(
        [tool("hadolint"), "--format", "json", str(file)], capture_output=True, text=True, check=False
    )
    return [f"{one['line']}: {one['code']} {one['message']}" for one in json.loads(done.stdout)]


def compose_lint(file: Path) -> list[str]:
    command = [tool("compose-lint"), "check", "--format", "json", "--no-env", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return sorted({one["rule_id"] for one in json.loads(done.stdout)["findings"]})


def test_hadolint_finds_nothing_and_would_find_something(tmp_path: Path) -> None:
    assert hadolint(DOCKERFILE) == []
    (tmp_path / "Dockerfile").write_text("FROM python:latest\nRUN apt-get install git\nUSER root\n")
    assert len(hadolint(tmp_path / "Dockerfile")) >= 3


def test_compose_lint_misses_digests_alone_and_would_find_more(tmp_path: Path) -> None:
    assert compose_lint(COMPOSE) == [NO_DIGEST]
    broken = COMPOSE.read_text(encoding="utf-8").replace('"127.0.0.1:5000:5000"', '"5000:5000"')
    (tmp_path / "compose.yaml").write_text(broken.replace("cap_drop: [ALL]", "privileged: true"))
    assert len(compose_lint(tmp_path / "compose.yaml")) >= 3


@pytest.fixture(params=services())
def service(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    return request.param, services()[request.param]


def test_a_service_is_pinned_confined_and_asked_how_it_is(service: tuple[str, dict[str, Any]]) -> None:
    name, of = service
    tag = of["image"].rpartition(":")[2]
    assert re.search(r"\d+\.\d+", tag), f"{of['image']} may be another one tomorrow"
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", of["user"]), "a number, for a name may be anybody's, and not root's"
    assert of["read_only"] is True
    assert of["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in of["security_opt"]
    assert {"cpus", "memory", "pids"} == of["deploy"]["resources"]["limits"].keys()
    assert ("healthcheck" in of) == (name not in ONCE)
    assert (of["restart"] == "no") == (name in ONCE)


def test_nobody_beyond_this_machine_reaches_a_port(service: tuple[str, dict[str, Any]]) -> None:
    _, of = service
    assert all(port.startswith("127.0.0.1:") for port in of.get("ports", []))


def test_every_secret_is_asked_for_and_none_has_a_value(service: tuple[str, dict[str, Any]]) -> None:
    """`${NAME:?…}`: Compose starts nothing where it is missing or empty."""
    _, of = service
    for name, value in of["environment"].items():
        if _SECRET.search(name) and not name.endswith("_PATH"):
            assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), f"{name} is {value}"
        assert ":-" not in str(value)


def test_what_is_asked_for_is_what_the_example_names() -> None:
    asked = set(re.findall(r"\$\{(\w+):\?", COMPOSE.read_text(encoding="utf-8")))
    lines = (PROJECT / "infra" / ".env.example").read_text(encoding="utf-8").splitlines()
    named = [line for line in lines if line and not line.startswith("#")]
    assert [line for line in named if not line.endswith("=")] == [], "no value that somebody might keep"
    assert {line.rstrip("=") for line in named} == asked | MAY_BE_EMPTY == SECRETS.keys()


def test_what_volumes_and_networks_are_used_are_there() -> None:
    whole = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    for of in whole["services"].values():
        used = {volume.partition(":")[0] for volume in of.get("volumes", []) if not volume.startswith(".")}
        assert used <= whole["volumes"].keys()
        assert set(of["networks"]) <= whole["networks"].keys()
    assert whole["networks"]["stores"] == {"internal": True}
    assert (COMPOSE.parent / "databases.sql").is_file()


def test_a_volume_of_the_image_s_user_is_his_to_write() -> None:
    """A new volume has the owner of the folder that the image has in its place, which is root where it has none."""
    made = re.search(r"install --directory --owner (\d+) --group \1 (.+)$", DOCKERFILE.read_text("utf-8"), re.MULTILINE)
    assert made
    for of in services().values():
        if of["image"].startswith("shoprec:"):
            assert of["user"] == f"{made[1]}:{made[1]}"
            assert {volume.partition(":")[2] for volume in of.get("volumes", [])} <= set(made[2].split())


def test_the_worker_has_a_place_for_every_deployment() -> None:
    deployed = yaml.safe_load((PROJECT / "infra" / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    assert f"--limit={len(deployed)}" in services()["worker"]["command"]


def test_what_the_image_copies_is_all_that_the_command_needs(tmp_path: Path) -> None:
    """The build itself is `make setup`, which every machine here has run; docs/containers.md says what it took."""
    text = DOCKERFILE.read_text(encoding="utf-8")
    assert "RUN make setup VENV=/opt/venv" in text
    ignored = (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for names, to in _COPIED.findall(text):
        for name in names.split():
            assert f"!{name}" in ignored
            target = tmp_path / (to.removeprefix("/app/") if (PROJECT / name).is_dir() else name)
            copy = shutil.copytree if (PROJECT / name).is_dir() else shutil.copy
            copy(PROJECT / name, target)
    needed = {"Makefile", "README.md", "pyproject.toml", "requirements.lock"}
    assert needed <= {path.name for path in tmp_path.iterdir()}
    code = "import flows.cli, flows.retrain, tasks, sys; sys.stdout.write(flows.cli.__file__ + tasks.__file__)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert done.stdout.count(str(tmp_path)) == 2
