"""`shoprec review`: what waits for a person, and what people decided."""

import json
import signal
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.terminal import AsJson, Root, console, show
from flows.settings import apply_settings
from tasks.registry.texts import visible


def review(
    root: Root = Path(),
    as_json: AsJson = False,
    listen: Annotated[
        str | None, typer.Option(help="Do it whenever MLflow calls; --url says where.", metavar="HOST:PORT")
    ] = None,
    url: Annotated[str | None, typer.Option(help="How MLflow's server reaches HOST:PORT.", metavar="URL")] = None,
) -> None:
    """Carry out what reviewers decided in MLflow, and show what waits.

    A reviewer sets the tag `review` of a version in staging to `approved` or
    `rejected`, and `review_note` to why. Approved, it goes to production, if
    the version that it was judged against still serves. What came of it
    stands in the tag `review_answer`. Exits with 0 where all of them could be
    answered, refusals too, which --json tells apart by `outcome`.

    With --listen it goes on until Ctrl-C: MLflow's server calls --url when a
    tag is set, signed with SHOPREC_WEBHOOK_SECRET, and the flow `review` runs.

    shoprec review --listen 0.0.0.0:8765 --url https://shoprec.example.com/
    """
    if (listen is None) != (url is None):
        raise typer.BadParameter("--listen and --url belong together")
    if listen is not None and as_json:
        raise typer.BadParameter("--json is for one look, not for --listen")
    settings = apply_settings(root)
    if listen is not None and url is not None:
        host, port = _address(listen)
        from flows.listening import listen as listen_to_mlflow

        signal.signal(signal.SIGTERM, signal.default_int_handler)  # a service manager's stop ends it as Ctrl-C does
        page = console()
        listen_to_mlflow(settings, host, port, url, lambda line: show(page, line))
        return
    from flows.reviewing import review_versions

    found = review_versions(settings)
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
        return
    for one in found:
        typer.echo(f"version {one.version}: {one.outcome}; {visible(one.told)}")
    if not found:
        typer.echo("nothing waits for review, and nothing was reviewed")


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise typer.BadParameter(f"{listen} is not HOST:PORT, such as 0.0.0.0:8765", param_hint="--listen")
    return host, int(port)
