"""The `shoprec` command: thin, every piece of work is a flow or a step."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from flows.settings import apply_settings
from tasks.errors import BrokenCheckError, DataContractError, ParamsError, ShoprecError

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
    from flows.quiet import show_no_traceback_of_ours
    from flows.retrain import retrain
    from flows.summary import print_summary

    show_no_traceback_of_ours()
    outcome = retrain(root=settings.root, reason=reason)
    console = Console()
    print_summary(console if console.is_terminal else Console(width=WIDTH_IN_A_FILE), settings.reports, outcome)


@app.command()
def ui(root: Root = Path()) -> None:
    """Serve MLflow and Prefect on localhost over what was made."""
    from flows.servers import serve

    serve(apply_settings(root), Console())


def main() -> None:
    from tasks.stage import EXIT_CODES, INTERRUPTED

    try:
        app(standalone_mode=False)
    except ShoprecError as error:
        why = next((words for kind, words in STOPPED.items() if isinstance(error, kind)), "")
        Console(stderr=True).print(f"\n[bold red]stopped[/] {why}", highlight=False)
        Console(stderr=True).print(str(error), markup=False, highlight=False, soft_wrap=True)
        sys.exit(next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), 1))
    except (KeyboardInterrupt, typer.Abort):
        Console(stderr=True).print("\n[bold]interrupted[/] the next run goes on with what was finished")
        sys.exit(INTERRUPTED)
