"""`shoprec tune`: a search for better settings of the ranker."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table

from flows.commands.terminal import AsJson, Root, console, show
from flows.settings import apply_settings
from tasks.schema import Task

if TYPE_CHECKING:
    from flows.tuning import Outcome


def tune(
    task: Annotated[Task, typer.Option(help="Whose ranker: of all purchases, or of new items.")],
    trials: Annotated[int, typer.Option(min=1, help="Of the study, earlier ones too.", metavar="N")] = 50,
    minutes: Annotated[float | None, typer.Option(min=0, help="Begin no trial after that.", metavar="M")] = None,
    weeks: Annotated[int, typer.Option(min=2, help="That a trial is judged on.", metavar="N")] = 2,
    seeds: Annotated[int, typer.Option(min=1, help="That winner and present params are compared with.")] = 3,
    write: Annotated[bool, typer.Option("--write", help="Put a winner that is shown better into params.yaml.")] = False,
    root: Root = Path(),
    as_json: AsJson = False,
) -> None:
    """Search for better settings of the ranker, on weeks before the test week.

    Needs what a finished `shoprec run` left in data/. The first trial has the
    present params. Each trial learns on older weeks, stops on a later one and
    is judged on a still later one, and is kept as it ends: after Ctrl-C or a
    kill the same command goes on. MLflow has a run for the study, with one for
    each trial in it.

    The best trial and the present params are then learned anew with other
    seeds. Only where the whole interval of the gain lies above 0, and the
    winner is better in a week that no trial was judged on, --write changes
    params.yaml. The evidence is docs/tuning/<task>.md, to be committed with it.

    Exits with 0 where the search came to its end, whatever it found.
    """
    settings = apply_settings(root)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in a stage; LightGBM reads it when it is imported
    from flows.tuning import Wanted
    from flows.tuning import tune as search
    from tasks.stage import INTERRUPTED

    progress = console(stderr=True)
    try:
        wanted = Wanted(task, trials, minutes, weeks, seeds, write)
        found = search(settings, wanted, lambda line: show(progress, line))
    except KeyboardInterrupt as error:
        progress.print("interrupted: every trial that had ended is kept; the same command goes on", style="bold")
        raise typer.Exit(INTERRUPTED) from error
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2, default=str))
    else:
        _print(found, task)


def _print(found: "Outcome", task: Task) -> None:
    page, result = console(), found.result
    confirmed = result.confirmed
    if confirmed is not None:
        aside = (confirmed.aside,) if confirmed.aside else ()
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for name in ("week", "shoppers", "present", "winner", "gain", "95 % interval"):
            table.add_column(name, justify="left" if name == "week" else "right")
        for of in (*confirmed.by_week, confirmed.pooled, *aside):
            ends = f"{of.low:+.4f} to {of.high:+.4f}"
            table.add_row(of.weeks, f"{of.users:,}", f"{of.present:.4f}", f"{of.winner:.4f}", f"{of.gain:+.4f}", ends)
        page.print(table)
    page.print(f"study {found.study}, {found.trials} trials, task {task}: {result.why}", highlight=False)
    written = "has the winner: `shoprec run`, and commit both with the evidence"
    page.print(f"params.yaml {written if result.is_written else 'stays as it is'}", highlight=False)
    page.print(f"the evidence: {found.page}", highlight=False, soft_wrap=True)
