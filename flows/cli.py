"""The `shoprec` command: thin, every piece of work is a flow or a step."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from flows.settings import apply_settings
from tasks.errors import ShoprecError

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Retrain, judge and ship a shop's recommender.")
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
    print_summary(Console(), settings.reports, outcome)


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
        Console(stderr=True).print(f"\n[bold red]stopped[/] {type(error).__name__}", highlight=False)
        Console(stderr=True).print(str(error), markup=False, highlight=False, soft_wrap=True)
        sys.exit(next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), 1))
    except (KeyboardInterrupt, typer.Abort):
        Console(stderr=True).print("\n[bold]interrupted[/] the next run goes on with what was finished")
        sys.exit(INTERRUPTED)
