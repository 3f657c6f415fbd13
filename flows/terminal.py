"""What all commands share: two options, and how wide a page is on a terminal and elsewhere."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

AsJson = Annotated[bool, typer.Option("--json", help="For programs: JSON on stdout, and nothing else.")]
Root = Annotated[Path, typer.Option(help="The project's folder.", file_okay=False, exists=True)]
WIDTH_IN_A_FILE = 110


def console(stderr: bool = False, width_in_a_file: int = WIDTH_IN_A_FILE) -> Console:
    found = Console(stderr=stderr)
    return found if found.is_terminal else Console(stderr=stderr, width=width_in_a_file)
