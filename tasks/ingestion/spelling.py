"""What somebody who mistyped a name may have meant."""

import difflib
from collections.abc import Iterable


def is_it(wanted: str, known: Iterable[str]) -> str:
    """`; is it 'quantity'?`, to end a sentence with, for the closest of `known`; nothing where none is close."""
    close = difflib.get_close_matches(wanted, list(known), n=1, cutoff=0.7)
    return f"; is it '{close[0]}'?" if close else ""
