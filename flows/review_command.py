"""`shoprec review`: what waits for a person, and what people decided."""

import json
from dataclasses import asdict
from pathlib import Path

import typer

from flows.settings import apply_settings
from flows.terminal import AsJson, Root
from tasks.registry.texts import visible


def review(
    root: Root = Path(),
    as_json: AsJson = False,
) -> None:
    """Carry out what reviewers decided in MLflow, and show what waits.

    A reviewer sets the tag `review` of a version in staging to `approved` or
    `rejected`, and `review_note` to why. Approved, it goes to production, if
    the version that it was judged against still serves. What came of it
    stands in the tag `review_answer`.
    """
    settings = apply_settings(root)
    from flows.reviewing import review_versions

    found = review_versions(settings)
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
        return
    for one in found:
        typer.echo(f"version {one.version}: {one.outcome}; {visible(one.told)}")
    if not found:
        typer.echo("nothing waits for review, and nothing was reviewed")
