"""`shoprec publish`: lists for all active shoppers, to files and a database that the shop reads; and going back."""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.flow import call_flow, ready_for_a_flow
from flows.commands.terminal import AsJson, Root
from flows.settings import apply_settings, who
from tasks.registry.texts import visible


def publish(
    root: Root = Path(),
    reason: Annotated[str, typer.Option(help="Why; the database keeps it.", metavar="TEXT")] = "by hand",
    back: Annotated[bool, typer.Option("--back", help="Show readers the publication before.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Publish also what is published already.")] = False,
    as_json: AsJson = False,
) -> None:
    """Publish what the model in production recommends to all active shoppers.

    Lists are made by the champion's own code, held against
    expectations/recommendations.json, and shown to readers all at once: as
    Parquet below published/current, and in the database that
    SHOPREC_PUBLICATIONS names. Where a check fails, nothing is published.

    Wrong lists are out: shoprec publish --back --reason 'complaints'

    It takes seconds. What was gone back from is not published once more by
    itself, until another model, other data or other params make other lists.

    Exits with 0 where readers read the newest lists, or those that --back
    names; with 2 where lists break a rule, and 1 after another fault.
    """
    if back and again:
        raise typer.BadParameter("--back and --again do not go together")
    if back:
        _go_back(root, reason, as_json)
        return
    settings = ready_for_a_flow(root)
    from flows.publication.published import summary
    from flows.recommend import recommend as recommend_flow

    found = call_flow(
        lambda: recommend_flow(root=settings.root, reason=reason, again=again),
        "readers read what they read before, or all of the new lists; the next publication ends what was begun",
    )
    typer.echo(json.dumps(asdict(found), indent=2) if as_json else visible_lines(summary(found)))


def _go_back(root: Path, reason: str, as_json: bool) -> None:
    begun, settings = time.monotonic(), apply_settings(root)
    from flows.publication.publishing import go_back
    from tasks.params import load_params

    now = go_back(settings, load_params(settings.root / "params.yaml"), who(), reason)
    if as_json:
        typer.echo(json.dumps(asdict(now), indent=2, default=lambda instant: instant.isoformat()))
        return
    typer.echo(
        f"publication {now.id} is current again: version {now.version}, published"
        f" {now.published_at:%Y-%m-%d %H:%M} UTC; done in {time.monotonic() - begun:.1f} s"
    )


def visible_lines(text: str) -> str:
    return "\n".join(visible(line) for line in text.splitlines())
