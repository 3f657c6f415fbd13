"""What a reviewer reads of a version in MLflow, as Markdown: the decision first, how to answer it last."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tasks.promotion.check import Check
from tasks.promotion.data_change import DataChange
from tasks.promotion.of_task import NO_LOSS
from tasks.promotion.outside import code, sentence
from tasks.promotion.shoppers import Shopper
from tasks.promotion.side_by_side import blocks_of, in_one_table
from tasks.promotion.table import interval, number
from tasks.promotion.verdict import Verdict

CUT = "*Cut to what MLflow can hold: the whole is the file gate/review.md among the artifacts of the run.*"
_MOST_MOVED, _MOST_MOVED_OF_A_SHORT_PAGE = 3, 1
_LONGEST_WHY = 1000


@dataclass(frozen=True)
class Page:
    number: int
    champion: int | None
    """Number of the version that served when this one was judged."""
    decision: str
    """`promoted`, `waits for review`, `held`, `rejected`."""
    why: str
    verdict: Verdict
    measured: str = ""
    """Markdown: what the version was measured to be; for a first one, which has no champion to compare with."""
    change: DataChange | None = None
    """None: not known."""
    shoppers: tuple[Shopper, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    """Text to address."""

    def markdown(self, longest: int | None = None) -> str:
        """At most that many characters, with a word that says so where that cuts something off: the table keeps the
        checks that decided, and each shopper the beginning of both lists, as much of it as there is room for.

        What remains in any case takes up to 3,500.
        """
        head, ending = _decision(self), _ending(self)
        lists = blocks_of(self.champion, self.number, self.shoppers)
        whole = _joined([head, _ASKED + self.verdict.table(), *_compared(self, _MOST_MOVED), *lists, ending])
        if longest is None or len(whole) <= longest:
            return whole
        table, compared = _ASKED + self.verdict.short_table(), [*_compared(self, _MOST_MOVED_OF_A_SHORT_PAGE)]
        for items in range(_LIST, 0, -1):
            lists = in_one_table(self.champion, self.number, self.shoppers, items)
            shorter = _joined([head, table, *compared, lists, CUT, ending])
            if len(shorter) <= longest:
                return shorter
        room = longest - len(_joined([head, "", *compared, CUT, ending])) - _GAP
        return _joined([head, _lines_that_fit(table, room), *compared, CUT, ending])


_ASKED = "### What the gate asked\n\n"
_LIST = 10
"""Items that a list of `Shopper` has."""
_GAP = len("\n\n")


def _joined(blocks: Iterable[str]) -> str:
    return "\n\n".join(block for block in blocks if block)


def _lines_that_fit(text: str, room: int) -> str:
    kept: list[str] = []
    for line in text.splitlines():
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return "\n".join(kept)


def _decision(page: Page) -> str:
    against = f" Judged against version {page.champion}, which served." if page.champion is not None else ""
    why = sentence(page.why, _LONGEST_WHY).replace("*", "∗").replace("://", ": //")
    return f"**Decision of the gate: {page.decision}.** {why}.{against}"


def _compared(page: Page, most_moved: int) -> Iterator[str]:
    if page.champion is None:
        yield page.measured
        return
    yield _table("### Lift over the champion", "", _lifts(page.verdict.checks))
    yield _table("### Slices of users that moved most", "slice", _moved_most(page.verdict.checks, most_moved))
    yield f"### Data since version {page.champion}\n\n" + _data(page, page.champion)


def _table(heading: str, first: str, checks: Sequence[Check]) -> str:
    """Empty where there is nothing to show."""
    if not checks:
        return ""
    rows = [_row(check) for check in checks]
    return "\n".join([f"{heading}\n", f"| {first} | challenger − champion | | users |", "|---|--:|---|--:|", *rows])


def _row(check: Check) -> str:
    return f"| {_subject(check)} | {number(check.value or 0.0)} | {interval(check)} | {check.users or 0:,} |"


def _subject(check: Check) -> str:
    subject = check.name.removesuffix(NO_LOSS)
    return subject if check.quoted is None else f"{subject.partition(',')[0]}, {code(check.quoted)}"


def _lifts(checks: Sequence[Check]) -> list[Check]:
    return [check for check in checks if check.name.endswith(NO_LOSS) and check.value is not None]


def _moved_most(checks: Sequence[Check], most: int) -> list[Check]:
    """The best and the worst, so many of each, best first."""
    slices = [check for check in checks if check.quoted is not None and check.value is not None]
    ordered = sorted(slices, key=lambda check: -(check.value or 0.0))
    return ordered if len(ordered) <= 2 * most else ordered[:most] + ordered[-most:]


def _data(page: Page, champion: int) -> str:
    change = page.change
    if change is None:
        return f"What version {champion} learned from is not known: its run has no such profile."
    before, now = change.champion, change.challenger
    counts = [
        f"| {what} | {was:,} | {has:,} | {has - was:+,} |"
        for what, was, has in (
            ("events", before.events, now.events),
            ("users", before.users, now.users),
            ("items", before.items, now.items),
        )
    ]
    newest = f"| newest event, UTC | {_moment(before.newest)} | {_moment(now.newest)} | |"
    new = f"{change.new_items:.1%} of the items are new: first seen after version {champion}'s newest event."
    head = [f"| | version {champion} | version {page.number} | more |", "|---|--:|--:|--:|"]
    return "\n".join([*head, *counts, newest, "", new])


def _moment(at: str) -> str:
    return sentence(at[: len("2024-03-04T09:00")].replace("T", " "), 20)


def _ending(page: Page) -> str:
    links = " · ".join(f"[{text}]({address})" for text, address in page.links.items())
    files = f"### Look closer\n\n{links}" if links else ""
    return _joined([files, _HOW])


_HOW = """### Approve or reject

While this version has the stage `staging`: add the tag `review_note` with why (and `reviewer` with who, if you like),
then `review` with the value `approved` or `rejected`. Within minutes, or with `shoprec review` at once, it is done, and
the tag `review_answer` says what came of it. It is approved only while the version that it was judged against
serves."""
