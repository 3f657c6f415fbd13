"""The `shoprec` command: thin, every piece of work is a flow or a step."""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from flows.commands.ci import ci
from flows.commands.doctor import doctor
from flows.commands.monitor import monitor
from flows.commands.operations import deploy, down, status, up
from flows.commands.publish import publish
from flows.commands.rebuild import rebuild
from flows.commands.recommend import recommend
from flows.commands.refresh import refresh
from flows.commands.review import review
from flows.commands.run import run
from flows.commands.terminal import AsJson, Root, console
from flows.commands.tune import tune
from flows.commands.verify import verify
from flows.settings import apply_settings, who
from tasks.errors import BrokenCheckError, DataContractError, ParamsError, ShoprecError, is_full_disk

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Retrain, judge and ship a shop's recommender.")
STOPPED: dict[type[ShoprecError], str] = {
    DataContractError: "the data breaks its contract",
    BrokenCheckError: "a check could not be carried out",
    ParamsError: "params.yaml, or the environment, is not as it should be",
}


app.command()(run)


@app.command()
def history(
    root: Root = Path(),
    limit: Annotated[int, typer.Option(min=1, help="Show the newest N changes.", metavar="N")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show what is in production since when and why, and every change of stage before that.

    A version moves from candidate to staging, production and archived, or is
    rejected. Who moved it, why and on what evidence is in a ledger that only
    grows; --json shows it in full. Exits with 1 where the ledger is not as it
    was written.
    """
    settings = apply_settings(root)
    from flows.history import history_as_json, print_history
    from flows.production import read_history

    found = read_history(settings)
    if as_json:
        typer.echo(history_as_json(found, limit))
    else:
        print_history(console(), found, limit)
    if found.misfit is not None:
        raise ShoprecError(
            f"the ledger is not as it was written, from entry {found.misfit.number} on: {found.misfit.why}"
        )


@app.command()
def rollback(
    reason: Annotated[str, typer.Option(help="Why; the ledger keeps it.", metavar="TEXT")],
    root: Root = Path(),
    to: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="The version to put back; else the one that served before.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put the version that served before back in production, in seconds.

    One write of the alias `champion` makes it serve, after a look at whether
    its files are complete. What it replaces is archived, with the alias
    `previous`. A version that is rejected, incomplete or serving already is
    refused, and so is a change at the same moment as another.

    To bring back what a rollback took away, or any other version, name it:
    shoprec rollback --to 7 --reason 'it was not the model'
    """
    settings = apply_settings(root)
    from flows.events import tell_promoted
    from flows.production import roll_back

    begun = time.monotonic()
    served = roll_back(settings, to, reason, who())
    if untold := tell_promoted(settings.root, served.version, served.who, served.why):
        console(stderr=True).print(untold, style="yellow", markup=False, soft_wrap=True)
    if as_json:
        typer.echo(json.dumps(asdict(served), indent=2))
        return
    from flows.history import served_in_words

    console().print(served_in_words(served))
    console().print(f"done in {time.monotonic() - begun:.1f} s; `shoprec history` shows all", style="dim")


app.command()(refresh)
app.command()(recommend)
app.command()(publish)
app.command()(review)
app.command()(verify)
app.command()(rebuild)
app.command()(doctor)
app.command()(monitor)
app.command()(tune)
app.add_typer(ci, name="ci")
app.command()(up)
app.command()(down)
app.command()(status)
app.command()(deploy)


@app.command()
def ui(root: Root = Path()) -> None:
    """Serve MLflow and Prefect on localhost over what was made."""
    from flows.servers import serve

    serve(apply_settings(root), Console())


def main() -> None:
    """The command; an error of ours is told in its own words, and its kind by the exit code, as a stage does."""
    from tasks.stage import exit_code

    try:
        app()
    except ShoprecError as error:
        why = next((words for kind, words in STOPPED.items() if isinstance(error, kind)), "")
        _tell(f"[bold red]stopped[/] {why}", str(error))
        sys.exit(exit_code(error))
    except OSError as error:
        if not is_full_disk(error):
            raise
        _tell("[bold red]stopped[/] no space left", f"while writing {error.filename or 'output'}: free some, run again")
        sys.exit(1)


def _tell(heading: str, words: str) -> None:
    stderr = Console(stderr=True)
    stderr.print(f"\n{heading}", highlight=False)
    stderr.print(words, markup=False, highlight=False, soft_wrap=True)
