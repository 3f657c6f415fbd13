"""Text from outside, made harmless: names of slices come from the shop's data, and errors quote what they met."""

_LOOKALIKES = str.maketrans({"<": "‹", ">": "›", "`": "'", "|": "¦", "[": "(", "]": ")", "\\": "/", "&": "+"})


def one_line(text: str, longest: int) -> str:
    """Printable, without line breaks, cut with an ellipsis."""
    printable = "".join(c if c.isprintable() else " " for c in text)
    line = " ".join(printable.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def sentence(text: str, longest: int = 300) -> str:
    """One line in which nothing opens a tag, a link, code, a cell, or an entity."""
    return one_line(text, longest).translate(_LOOKALIKES)


def code(text: str, longest: int = 60) -> str:
    """As Markdown's code, in which nothing is markup. A bar would end a table's cell; some readers know no escape."""
    line = one_line(text, longest).replace("|", "¦") or " "
    fence = "`"
    while fence in line:
        fence += "`"
    return f"{fence} {line} {fence}" if "`" in line else f"{fence}{line}{fence}"
