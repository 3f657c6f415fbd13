"""What happened, told to Prefect's server as events, so that deployments start by them (`infra/prefect.yaml`)."""

import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from flows.prefect_api import ask
from tasks.errors import ShoprecError

DATA_UPDATED = "shoprec.data.updated"
"""Sent by whoever loads the shop's data, when it is complete."""
DRIFT_DETECTED = "shoprec.drift.detected"
PROMOTED = "shoprec.promoted"
"""Another version serves."""


def emit(event: str, root: Path, payload: Mapping[str, Any], number: UUID | None = None) -> bool:
    """Tells that `event` happened to the project in `root`: the resource `shoprec.project.<its folder's name>`.

    False where there is no server that goes on after this run, so nobody was told. `payload` has to be JSON. `number`:
    of the event, so that one that is told again is known as the same. Raises TransientError where it was not taken.

    Over HTTP, for a rollback has no seconds to import prefect.
    """
    api = _api()
    if not api:
        return False
    ask(api, "POST", "/events", [as_prefect_takes_it(event, root, payload, number)])
    return True


def as_prefect_takes_it(event: str, root: Path, payload: Mapping[str, Any], number: UUID | None) -> dict[str, Any]:
    resource = {"prefect.resource.id": f"shoprec.project.{root.name}", "prefect.resource.name": root.name}
    return {
        "id": str(number or uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": event,
        "resource": resource,
        "related": [],
        "payload": dict(payload),
    }


def tell_promoted(root: Path, version: int, who: str, why: str) -> str:
    """That this version serves now. Why nobody could be told; empty where all is well.

    Not an error: the version serves, and what the event starts is also started by a schedule.
    """
    try:
        emit(PROMOTED, root, {"version": version, "who": who, "why": why})
    except ShoprecError as error:
        return f"version {version} serves, but its lists are published by the schedule only: {error}"
    return ""


def _api() -> str | None:
    """Of the server that a flow in this process speaks to, where there is one; else by the environment."""
    if "prefect" in sys.modules:
        from prefect.settings import PREFECT_API_URL

        return PREFECT_API_URL.value()
    return os.environ.get("PREFECT_API_URL")
