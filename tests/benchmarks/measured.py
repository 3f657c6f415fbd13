"""Pages of which a part is measured: it stands between two marks, and a person writes what is around it."""

from pathlib import Path

from tasks.ingestion.storage import replace_file

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def replace_measured(page: Path, words: str) -> None:
    """Writes the page anew between its marks."""
    before, rest = page.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    replace_file(page, f"{before}{BEGIN}\n{words}\n{END}{after}".encode())
