"""What the commands that run a flow share."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import typer

from flows.settings import Settings, apply_settings
from tasks.params import load_params

T = TypeVar("T")


def ready_for_a_flow(root: Path) -> Settings:
    """What is mistyped or does not answer is told at once, before any server starts. To be called before the flow is
    imported."""
    settings = apply_settings(root)
    load_params(settings.root / "params.yaml")
    from flows.doctor.prefect_server import refuse_silent_server

    refuse_silent_server()
    return settings


def call_flow(flow: Callable[[], T], interrupted: str) -> T:
    """After Ctrl-C it says what was `interrupted`, and exits. To be called after the flow is imported."""
    from flows.commands.quiet import show_no_traceback_of_ours
    from tasks.stage import INTERRUPTED

    show_no_traceback_of_ours()  # at the handlers that Prefect has made by now
    try:
        return flow()
    except KeyboardInterrupt as error:
        typer.echo(f"interrupted: {interrupted}", err=True)
        raise typer.Exit(INTERRUPTED) from error
