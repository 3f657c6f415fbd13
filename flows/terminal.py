"""How wide a page is, on a terminal and elsewhere."""

from rich.console import Console

WIDTH_IN_A_FILE = 110


def console(stderr: bool = False) -> Console:
    found = Console(stderr=stderr)
    return found if found.is_terminal else Console(stderr=stderr, width=WIDTH_IN_A_FILE)
