"""What all commands share: two options, and how wide a page is on a terminal and elsewhere."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tasks.registry.texts import visible

AsJson = Annotated[bool, typer.Option("--json", help="For programs: JSON on stdout, and nothing else.")]
Root = Annotated[Path, typer.Option(help="The project's folder.", file_okay=False, exists=True)]
WIDTH_IN_A_FILE = 110


def console(stderr: bool = False, width_in_a_file: int = WIDTH_IN_A_FILE) -> Console:
    found = Console(stderr=stderr)
    return found if found.is_terminal else Console(stderr=stderr, width=width_in_a_file)


def show(page: Console, line: str) -> None:
    """A line of a log or of another program: nothing in it is markup, and it is broken nowhere."""
    if line:
        page.print(visible(line), style="dim", markup=False, highlight=False, soft_wrap=True)
