"""What the commands that run a flow share."""

import signal
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
    """`interruptible`, for what Prefect runs. To be called after the flow is imported."""
    from flows.commands.quiet import show_no_traceback_of_ours

    show_no_traceback_of_ours()  # at the handlers that Prefect has made by now
    _start_temporary_server()
    return interruptible(flow, interrupted)


def interruptible(work: Callable[[], T], interrupted: str) -> T:
    """After Ctrl-C it says what was `interrupted`, and exits."""
    try:
        return work()
    except KeyboardInterrupt as error:
        from tasks.stage import INTERRUPTED

        typer.echo(f"interrupted: {interrupted}", err=True)
        raise typer.Exit(INTERRUPTED) from error


def _start_temporary_server() -> None:
    """Prefect would do so within the flow, where no server is named. A terminal sends Ctrl-C to all that was started in
    it, and without a server Prefect takes minutes and hundreds of lines to end: so the server does not hear it. It ends
    with the command."""
    from prefect.server.api.server import SubprocessASGIServer
    from prefect.settings import get_current_settings

    settings = get_current_settings()
    if settings.api.url or not settings.server.ephemeral.enabled:
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # which children have from us
    try:
        SubprocessASGIServer().start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
