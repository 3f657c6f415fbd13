"""`shoprec doctor`: what a run needs, and whether it is there."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from flows.commands.terminal import AsJson, Root, console
from flows.settings import read_settings
from tasks.registry.texts import visible

if TYPE_CHECKING:
    from flows.doctor import Examination

COLOURS = {"ok": "green", "warn": "yellow", "fail": "bold red", "not possible": "dim"}
_WIDTH_IN_A_FILE = 160
_LONGEST = 1000


def doctor(
    root: Root = Path(),
    as_json: AsJson = False,
) -> None:
    """Look at all that a run needs, and say what to mend.

    This machine: Python, every package against requirements.lock, cores,
    memory, disk, the right to write, telemetry off. The project: git, params,
    suites, pipeline, a retrain at work, what a killed one left. The outside:
    each DVC remote, MLflow, its artifact store, the champion's files, the
    ledger, Prefect.

    ok: as it should be. warn: a run works, but look. fail: a run would stop,
    or what serves is at risk. not possible: there is nothing to look at yet.

    Nothing is changed; probe files are taken away again. Only what is
    configured is spoken to. Exits with 1 where something fails.

    Before the first run: shoprec doctor
    In a script: shoprec doctor --json
    """
    settings = read_settings(root)
    from flows.doctor import examine

    found = examine(settings)
    if as_json:
        typer.echo(json.dumps({"fit": found.is_fit, "checks": [asdict(one) for one in found.findings]}, indent=2))
    else:
        _print(found)
    if not found.is_fit:
        raise typer.Exit(1)


def _print(found: "Examination") -> None:
    page = console(width_in_a_file=_WIDTH_IN_A_FILE)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=True)
    for heading in ("", "check", "found", "what to do"):
        table.add_column(heading, overflow="fold", ratio={"found": 3, "what to do": 2}.get(heading))
    for one in found.findings:
        cells = (_flat(text) for text in (one.name, one.found, one.mend))
        table.add_row(Text(one.outcome, style=COLOURS[one.outcome]), *cells)
    page.print(table)
    failed = [one.name for one in found.findings if one.outcome == "fail"]
    page.print(f"to be mended before a run: {', '.join(failed)}" if failed else "fit for a run", highlight=False)


def _flat(words: str) -> Text:
    """What servers and files say does nothing to the terminal."""
    return Text(visible(" ".join(words.split()), _LONGEST))
