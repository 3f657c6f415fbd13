"""Rollback as a flow, for a deployment's button or an automation.

`shoprec rollback` calls the same function without Prefect: at night it has to take seconds, with no server running.
"""

from pathlib import Path
from typing import Annotated

from prefect import flow
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from pydantic import Field

from flows.events import tell_promoted
from flows.parameters import Reason
from flows.production import roll_back
from flows.retrain import say, step
from flows.settings import apply_settings
from tasks.registry.standing import Served


@flow(name="rollback", flow_run_name="rollback: {reason}", validate_parameters=True)
def rollback(
    reason: Reason,
    to: Annotated[int, Field(ge=1)] | None = None,
    root: Path = Path(),
) -> Served:
    """Puts version `to`, or else the one that served before, back in production."""
    served = step("rollback", roll_back)(apply_settings(root), to, reason, flow_run.get_name() or "a rollback")
    get_run_logger().info("version %s serves, in place of version %s", served.version, served.instead_of)
    say(tell_promoted(root.resolve(), served.version, served.who, served.why))
    return served
