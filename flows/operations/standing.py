"""How what runs unattended stands: the services here, and each deployment's next and last run, as Prefect tells it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flows.operations import services
from flows.operations.local import MLFLOW, WORKER
from flows.operations.prefect_states import AT_WORK, ENDED
from flows.operations.services import POOL, PREFECT
from flows.prefect_api import ask
from flows.settings import Settings
from tasks.addresses import without_password
from tasks.errors import ShoprecError

_LONGEST = 300


@dataclass(frozen=True)
class ServiceStanding:
    name: str
    state: str
    """up; silent: its process goes on and does not answer; ended: by itself; elsewhere; not started."""
    address: str | None = None
    since: str | None = None
    pid: int | None = None


@dataclass(frozen=True)
class RunStanding:
    name: str
    state: str
    """In Prefect's words, such as Completed, Late, TimedOut."""
    at: str | None
    """UTC, ISO 8601: when it ended, began, or is expected to begin."""
    seconds: float | None = None
    message: str = ""


@dataclass(frozen=True)
class DeploymentStanding:
    name: str
    """`flow/deployment`."""
    paused: bool
    next: RunStanding | None
    now: RunStanding | None
    last: RunStanding | None


@dataclass(frozen=True)
class Standing:
    services: list[ServiceStanding]
    deployments: list[DeploymentStanding]
    why_unknown: str = ""
    """Why Prefect could not be asked; empty where it was."""

    @property
    def is_well(self) -> bool:
        return not self.why_unknown and all(s.state in ("up", "elsewhere") for s in self.services)


def look(settings: Settings) -> Standing:
    api = os.environ.get("PREFECT_API_URL")
    found = [_service(settings, name) for name in (MLFLOW, PREFECT, WORKER)]
    if not api:
        return Standing(found, [], "no server of Prefect is up: `make up` starts one, or set PREFECT_API_URL")
    try:
        return Standing(found, _deployments(api))
    except ShoprecError as error:
        return Standing(found, [], str(error))


def _service(settings: Settings, name: str) -> ServiceStanding:
    note = next((note for note in services.notes(settings.var) if note.name == name), None)
    if note is None:
        return _not_here(settings, name)
    if note.process is None:
        return ServiceStanding(name, "ended", note.address, note.since)
    up = note.health is None or services.answers(note.health)
    return ServiceStanding(name, "up" if up else "silent", note.address, note.since, note.pid)


def _not_here(settings: Settings, name: str) -> ServiceStanding:
    elsewhere = {
        MLFLOW: settings.tracking_uri if settings.artifacts is None else None,
        PREFECT: os.environ.get("PREFECT_API_URL"),
        WORKER: None,
    }[name]
    if elsewhere:
        return ServiceStanding(name, "elsewhere", without_password(elsewhere))
    return ServiceStanding(name, "not started")


def _deployments(api: str) -> list[DeploymentStanding]:
    flows = {flow["id"]: flow["name"] for flow in ask(api, "POST", "/flows/filter", {})}
    found = ask(api, "POST", "/deployments/filter", {"work_pools": {"name": {"any_": [POOL]}}})
    return sorted((_deployment(api, flows, one) for one in found), key=lambda one: one.name)


def _deployment(api: str, flows: Mapping[str, str], deployment: Mapping[str, Any]) -> DeploymentStanding:
    def first(states: tuple[str, ...], sort: str) -> RunStanding | None:
        asked = {
            "deployments": {"id": {"any_": [deployment["id"]]}},
            "flow_runs": {"state": {"type": {"any_": list(states)}}},
            "sort": sort,
            "limit": 1,
        }
        runs = ask(api, "POST", "/flow_runs/filter", asked)
        return _run(runs[0]) if runs else None

    name = f"{flows.get(deployment['flow_id'], '?')}/{deployment['name']}"
    return DeploymentStanding(
        name,
        deployment["paused"],
        first(("SCHEDULED",), "EXPECTED_START_TIME_ASC"),
        first(AT_WORK, "START_TIME_DESC"),
        first(ENDED, "END_TIME_DESC"),
    )


def _run(run: Mapping[str, Any]) -> RunStanding:
    at = run["end_time"] or run["start_time"] or run["expected_start_time"]
    message = (run["state"].get("message") or "").strip()[:_LONGEST] if run["state"] else ""
    return RunStanding(run["name"], run["state_name"], _utc(at), run["total_run_time"] or None, message)


def _utc(at: str | None) -> str | None:
    return at and datetime.fromisoformat(at).astimezone(UTC).isoformat(timespec="seconds")
