"""Shoppers with the lists of champion and challenger beside each other, as Markdown."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from tasks.evaluation.headline import TASK_NAMES
from tasks.promotion.outside import code
from tasks.promotion.shoppers import Listed, Shopper

_LONGEST_TITLE, _LONGEST_USER = 40, 40
_HEADING = "### Typical shoppers, as both would have served them; ✓ was bought"


def blocks_of(champion: int | None, challenger: int, shoppers: Sequence[Shopper]) -> Iterator[str]:
    """A block a shopper, each of which can be left out with those after it."""
    heading = f"{_HEADING}\n\n"
    for shopper in shoppers:
        yield heading + _block(champion, challenger, shopper)
        heading = ""


def _block(champion: int | None, challenger: int, shopper: Shopper) -> str:
    counts = f"the champion's list has {_hits(shopper.champion)} of them, the challenger's {_hits(shopper.challenger)}"
    who = f"{TASK_NAMES[shopper.task].capitalize()}, shopper {code(shopper.user, _LONGEST_USER)}"
    rows = [
        f"| {rank} | {_cell(theirs)} | {_cell(ours)} |"
        for rank, (theirs, ours) in enumerate(zip_longest(shopper.champion, shopper.challenger), start=1)
    ]
    head = [f"| | champion: version {champion} | challenger: version {challenger} |", "|--:|---|---|"]
    return "\n".join([f"{who} bought {shopper.bought:,}; {counts}.\n", *head, *rows])


def _cell(listed: Listed | None) -> str:
    if listed is None:
        return ""
    return ("✓ " if listed.bought else "") + code(listed.title, _LONGEST_TITLE)


def _hits(listed: Sequence[Listed]) -> int:
    return sum(item.bought for item in listed)
