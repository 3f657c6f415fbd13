"""Text from outside (names, reasons), made safe to store and to show."""

import unicodedata
from collections.abc import Sequence

STORED = 10_000
"""Characters that the ledger keeps of one text."""
_REORDERING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Invisible signs that make a terminal show text in another order than it has."""
_INVISIBLE = ("Cc", "Cs", "Zl", "Zp")
"""Control characters, lone surrogates, line and paragraph separators."""


def storable(text: str, longest: int = STORED) -> str:
    """What every database, JSON and MLflow can hold: lone surrogates and NUL spelled out, cut with an ellipsis."""
    spelled = text[: longest + 1].encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
    return cut(spelled, longest)


def visible(text: str, longest: int = STORED) -> str:
    """One line for a terminal: whatever would move its cursor, colour it or hide in it is spelled out, as `\\n`."""
    return "".join(_spelled(sign) for sign in cut(text, longest))


def listed(names: Sequence[str], between: str = "; ", longest: int = 10) -> str:
    """On one line; the first of many."""
    more = f" and {len(names) - longest} more" if len(names) > longest else ""
    return between.join(names[:longest]) + more


def cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _spelled(sign: str) -> str:
    if unicodedata.category(sign) in _INVISIBLE or sign in _REORDERING:
        return sign.encode("unicode_escape").decode()
    return sign
