"""`shoprec rebuild`: a version made anew, and whether it is the same."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from flows.commands.terminal import AsJson, Root, console, show
from flows.settings import apply_settings
from tasks.registry.texts import visible

if TYPE_CHECKING:
    from flows.lineage.rebuilding import Rebuilt


def rebuild(
    version: Annotated[int, typer.Argument(min=1, help="Number of the version.")],
    into: Annotated[Path, typer.Option(help="A new or empty folder, outside the project.", metavar="FOLDER")],
    root: Root = Path(),
    as_json: AsJson = False,
) -> None:
    """Make a version anew in a folder of its own, and compare.

    From the version's registry entry, git and DVC's remote alone: its commit
    is checked out, its recipe put on top, the raw data pulled, and every stage
    computed with the packages that are installed now. Then the lists of the
    test week, the lists that both models give to all shoppers and the metrics
    are compared, and what may be why they differ is told.

    Of a refresh the version that learned its ranker is made again first. With
    that ranker and the refresh's own data, validated by its own suites, its
    state is made, and what it serves is compared.

    Exits with 0 where lists and metrics are the same, with 1 where they differ
    and where the version cannot be rebuilt, and as `shoprec run` does where a
    stage fails. It takes as long as a run that has nothing cached, and writes
    nothing but FOLDER.
    """
    settings = apply_settings(root)
    from flows.lineage.rebuilding import rebuild_version
    from tasks.stage import INTERRUPTED

    progress = console(stderr=True)
    try:
        found = rebuild_version(settings, version, into, lambda line: show(progress, line))
    except KeyboardInterrupt as error:
        left = f"{into} holds what was made so far; delete it" if into.exists() else "nothing was written"
        progress.print(f"interrupted: {left}; the project is as it was", style="bold", highlight=False, soft_wrap=True)
        raise typer.Exit(INTERRUPTED) from error
    if as_json:
        typer.echo(json.dumps(asdict(found) | {"folder": str(found.folder), "same": found.is_same}, indent=2))
    else:
        console().print(Group("", _table(found), "", _in_short(found)))
    if not found.is_same:
        raise typer.Exit(1)


def _table(found: "Rebuilt") -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left", title_style="bold")
    table.title = f"Version {found.version}, rebuilt in {found.folder}"
    table.add_column("compared")
    table.add_column("")
    table.add_column("how much", ratio=1)
    for one in found.comparisons:
        style = "green" if one.same else "bold red" if one.decides else "yellow"
        table.add_row(one.name, Text("same" if one.same else "differs", style=style), Text(visible(one.says)))
    return table


def _in_short(found: "Rebuilt") -> Text:
    if found.is_same:
        return Text(
            f"version {found.version} was rebuilt: the same recommendations, the same metrics", style="bold green"
        )
    return Text(f"version {found.version} was NOT rebuilt: other recommendations or metrics", style="bold red")
