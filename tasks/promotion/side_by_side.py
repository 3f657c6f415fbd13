"""Shoppers with the lists of champion and challenger beside each other, as Markdown."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from tasks.evaluation.headline import TASK_NAMES
from tasks.promotion.outside import code
from tasks.promotion.shoppers import Listed, Shopper

_LONGEST_TITLE, _LONGEST_USER = 40, 40
_SHORT = 18
_HEADING = "### Typical shoppers, as both would have served them; ✓ was bought"


def blocks_of(champion: int | None, challenger: int, shoppers: Sequence[Shopper]) -> Iterator[str]:
    """A block a shopper."""
    heading = f"{_HEADING}\n\n"
    for shopper in shoppers:
        yield heading + _block(champion, challenger, shopper)
        heading = ""


def in_one_table(champion: int | None, challenger: int, shoppers: Sequence[Shopper], items: int) -> str:
    """A row a shopper, with the first `items` of both lists."""
    if not shoppers:
        return ""
    rows = [
        f"| {TASK_NAMES[shopper.task]}, {code(shopper.user, _SHORT)} bought {shopper.bought:,}"
        f" | {_beginning(shopper.champion, items)} | {_beginning(shopper.challenger, items)} |"
        for shopper in shoppers
    ]
    head = [f"| | champion: version {champion} | challenger: version {challenger} |", "|---|---|---|"]
    return "\n".join([f"{_HEADING}\n", *head, *rows])


def _beginning(listed: Sequence[Listed], items: int) -> str:
    more = " …" if len(listed) > items else ""
    return f"{_hits(listed)} ✓ in {len(listed)}: {' · '.join(_cell(item, _SHORT) for item in listed[:items])}{more}"


def _block(champion: int | None, challenger: int, shopper: Shopper) -> str:
    counts = f"the champion's list has {_hits(shopper.champion)} of them, the challenger's {_hits(shopper.challenger)}"
    who = f"{TASK_NAMES[shopper.task].capitalize()}, shopper {code(shopper.user, _LONGEST_USER)}"
    rows = [
        f"| {rank} | {_cell(theirs)} | {_cell(ours)} |"
        for rank, (theirs, ours) in enumerate(zip_longest(shopper.champion, shopper.challenger), start=1)
    ]
    head = [f"| | champion: version {champion} | challenger: version {challenger} |", "|--:|---|---|"]
    return "\n".join([f"{who} bought {shopper.bought:,}; {counts}.\n", *head, *rows])


def _cell(listed: Listed | None, longest: int = _LONGEST_TITLE) -> str:
    if listed is None:
        return ""
    return ("✓ " if listed.bought else "") + code(listed.title, longest)


def _hits(listed: Sequence[Listed]) -> int:
    return sum(item.bought for item in listed)
