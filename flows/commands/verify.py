"""`shoprec verify`: whether a version is what its passport says."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.terminal import AsJson, Root
from flows.settings import apply_settings
from tasks.registry.texts import visible


def verify(
    version: Annotated[
        int | None, typer.Argument(min=1, help="Number of the version; else the one that serves.", show_default=False)
    ] = None,
    root: Root = Path(),
    as_json: AsJson = False,
) -> None:
    """Check that a version is what its passport says it is.

    The passport of a version lists all that it came from and consists of, with
    digests; its own digest stands in a tag of the version and in the ledger.
    All that can be recomputed is: every file of the model; the recipe, the
    verdict, the report and all else that was logged with it; the params and
    metrics that MLflow shows of it; each object in DVC's cache and remote, the
    ledger's chain, the commit. It reads all of the data, so it takes a while.

    Exits with 1 where anything differs. What cannot be checked here (a commit
    outside git, say) is listed as not possible, and counts neither way.

    What serves: shoprec verify
    Another version: shoprec verify 3
    """
    settings = apply_settings(root)
    from flows.lineage.verifying import verify_version

    found = verify_version(settings, version)
    if as_json:
        typer.echo(json.dumps(asdict(found) | {"as_written": found.is_as_written}, indent=2))
    else:
        for check in found.checks:
            typer.echo(f"{check.outcome:<13} {check.name}: {visible(check.why)}")
        said = "is as it was written" if found.is_as_written else "is NOT as it was written"
        typer.echo(f"version {found.version} {said}")
    if not found.is_as_written:
        raise typer.Exit(1)
