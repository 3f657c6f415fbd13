"""Pages of which a part is measured: it stands between two marks, and a person writes what is around it."""

from pathlib import Path

from tasks.ingestion.storage import replace_file

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def replace_measured(page: Path, words: str, marks: tuple[str, str] = (BEGIN, END)) -> None:
    """Writes the page anew between its marks."""
    begin, end = marks
    before, rest = page.read_text(encoding="utf-8").split(begin)
    _, after = rest.split(end)
    replace_file(page, f"{before}{begin}\n{words}\n{end}{after}".encode())
