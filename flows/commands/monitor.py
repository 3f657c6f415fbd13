"""`shoprec monitor`: a look at fresh data and at what the champion does with it."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.flow import call_flow, ready_for_a_flow
from flows.commands.terminal import AsJson, Root
from tasks.registry.texts import visible


def monitor(
    root: Root = Path(),
    reason: Annotated[str, typer.Option(help="Why, for those who look at the run later.")] = "by hand",
    as_json: AsJson = False,
) -> None:
    """Look whether the shop is still the one that the champion learned.

    Fetches and validates the shop's data, and holds its newest week against
    the weeks that the champion was made from: what shoppers do, what the
    ranker reads, what is recommended, and what the champion's lists are worth
    against what they were measured to be. What leaves its band is an alarm:
    it is told, and Prefect gets the event shoprec.drift.detected, once.

    Exits with 0 where it could look, alarm or not; --json has `breaches`.
    reports/monitoring.html shows every look so far.
    """
    settings = ready_for_a_flow(root)
    from flows.monitor import monitor as monitor_flow
    from tasks.monitoring.look import in_words, rows_of

    outcome = call_flow(
        lambda: monitor_flow(root=settings.root, reason=reason),
        "what serves is whole; the next look begins anew",
    )
    if as_json:
        told = asdict(outcome) | {"breaches": [of.measure for of in outcome.look.breaches]}
        typer.echo(json.dumps(told, indent=2, default=str))
        return
    for run in outcome.runs:
        typer.echo(f"{run.name:<10} {'unchanged' if run.skipped else f'{run.seconds:.1f} s'}")
    for row in rows_of(outcome.look):
        numbers = f"{row['value']:>8}  usual {row['usual']:>8}  bound {row['bound']:>8}"
        typer.echo(f"{row['status']:<10} {row['measure']:<32} {numbers}  {visible(row['says'])}")
    typer.echo(visible(in_words(outcome.look)))
    if not outcome.is_new:
        typer.echo("Nothing new: the same ranker was looked at before, on this very data.")
    typer.echo(f"the page: {outcome.page}")
