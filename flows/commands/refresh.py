"""`shoprec refresh`: newer state for what serves."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.flow import call_flow, ready_for_a_flow
from flows.commands.terminal import AsJson, Root
from tasks.registry.texts import visible


def refresh(
    root: Root = Path(),
    reason: Annotated[str, typer.Option(help="Why, for those who look at the run later.")] = "by hand",
    as_json: AsJson = False,
) -> None:
    """Give what serves newer knowledge, with its ranker as it is.

    Fetches and validates the shop's data. Where there is something new, the
    champion's own code computes all that it knows as of the end of the data;
    that is a new version, whose parent is the champion. It serves at once, if
    its ranker is the champion's to the last byte, its lists are whole, and on
    the newest week it does about as well as when it was learned.

    Exits with 0 where what serves knows all of the data then, also where there
    was nothing new; with 1 where the refreshed version was held or rejected,
    and the champion goes on serving.
    """
    settings = ready_for_a_flow(root)
    from flows.refresh import outcome_in_words
    from flows.refresh import refresh as refresh_flow

    outcome = call_flow(
        lambda: refresh_flow(root=settings.root, reason=reason),
        "what serves is whole; the next refresh or run ends what was begun",
    )
    if as_json:
        typer.echo(json.dumps(asdict(outcome), indent=2))
    else:
        for run in outcome.runs:
            typer.echo(f"{run.name:<10} {'unchanged' if run.skipped else f'{run.seconds:.1f} s'}")
        for check in outcome.verdict.checks if outcome.verdict else ():
            typer.echo(f"{check.status:<10} {check.name}: {visible(check.says)}")
        typer.echo(visible(outcome_in_words(outcome)))
    if not outcome.is_fresh:
        raise typer.Exit(1)
