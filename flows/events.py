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


def emit(event: str, root: Path, payload: Mapping[str, Any], number: UUID | None = None) -> str | None:
    """Tells that `event` happened to the project in `root`: the resource `shoprec.project.<its folder's name>`.

    `payload` has to be JSON. `number`: of the event, so that one that is told again is known as the same. Why it could
    not be told; None where it was, or where there is no server that goes on after this run.

    Over HTTP, for a rollback has no seconds to import prefect. What an event starts is also started by a schedule, so
    an event that is lost makes it late, and no more.
    """
    api = _api()
    if not api:
        return None
    resource = {"prefect.resource.id": f"shoprec.project.{root.name}", "prefect.resource.name": root.name}
    body = {
        "id": str(number or uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": event,
        "resource": resource,
        "related": [],
        "payload": dict(payload),
    }
    try:
        ask(api, "POST", "/events", [body])
    except ShoprecError as error:
        return f"the event {event} could not be sent, so what it starts waits for its schedule: {error}"
    return None


def _api() -> str | None:
    """Of the server that a flow in this process speaks to, where there is one; else by the environment."""
    if "prefect" in sys.modules:
        from prefect.settings import PREFECT_API_URL

        return PREFECT_API_URL.value()
    return os.environ.get("PREFECT_API_URL")
