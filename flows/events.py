"""Events that Prefect's automations and triggers listen to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

DRIFT = "shoprec.drift.detected"


def emit(name: str, root: Path, payload: Mapping[str, Any], number: UUID | None = None) -> None:
    """Tells Prefect that `name` happened to the project in `root`: the resource `shoprec.project.<its folder's name>`.

    `payload` has to be JSON. `number`: of the event, so that one that is emitted again is known as the same.
    """
    from prefect.events import emit_event  # takes seconds, so not before it is needed

    resource = {"prefect.resource.id": f"shoprec.project.{root.name}", "prefect.resource.name": root.name}
    emit_event(event=name, resource=resource, payload=dict(payload), id=number)
