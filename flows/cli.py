"""The `shoprec` command: thin, every piece of work is a flow or a step."""

import errno
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from flows.settings import apply_settings
from tasks.errors import BrokenCheckError, DataContractError, ParamsError, ShoprecError
from tasks.params import load_params

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Retrain, judge and ship a shop's recommender.")
WIDTH_IN_A_FILE = 110
STOPPED: dict[type[ShoprecError], str] = {
    DataContractError: "the data breaks its contract",
    BrokenCheckError: "a check could not be carried out",
    ParamsError: "params.yaml is not as it should be",
}
Root = Annotated[Path, typer.Option(help="The project's folder.", file_okay=False, exists=True)]


@app.command()
def run(
    root: Root = Path(),
    reason: Annotated[str, typer.Option(help="Why, for those who look at the run later.")] = "by hand",
) -> None:
    """Retrain: fetch, validate, learn, judge, register."""
    settings = apply_settings(root)
    load_params(settings.root / "params.yaml")  # what is mistyped is told at once, before any server starts
    from flows.quiet import show_no_traceback_of_ours
    from flows.retrain import retrain
    from flows.summary import print_summary
    from tasks.stage import INTERRUPTED

    show_no_traceback_of_ours()
    try:
        outcome = retrain(root=settings.root, reason=reason)
    except KeyboardInterrupt as error:
        _tell("[bold]interrupted[/]", "nothing was registered; the next run goes on with the stages that were finished")
        raise typer.Exit(INTERRUPTED) from error
    console = Console()
    print_summary(console if console.is_terminal else Console(width=WIDTH_IN_A_FILE), settings.reports, outcome)


@app.command()
def ui(root: Root = Path()) -> None:
    """Serve MLflow and Prefect on localhost over what was made."""
    from flows.servers import serve

    serve(apply_settings(root), Console())


def main() -> None:
    """The command; an error of ours is told in its own words, and its kind by the exit code, as a stage does."""
    from tasks.stage import EXIT_CODES

    try:
        app()
    except ShoprecError as error:
        why = next((words for kind, words in STOPPED.items() if isinstance(error, kind)), "")
        _tell(f"[bold red]stopped[/] {why}", str(error))
        sys.exit(next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), 1))
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        _tell("[bold red]stopped[/] no space left", f"while writing {error.filename or 'output'}: free some, run again")
        sys.exit(1)


def _tell(heading: str, words: str) -> None:
    console = Console(stderr=True)
    console.print(f"\n{heading}", highlight=False)
    console.print(words, markup=False, highlight=False, soft_wrap=True)
