"""What the ledger's entries say: who stands where, and what served when."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tasks.registry.entries import Entry
from tasks.registry.versions import Stage


@dataclass(frozen=True)
class Served:
    """A time in production, `since <= t < until`; both are UTC, in ISO 8601."""

    version: int
    since: str | None
    """None: it was put there by other means, and the ledger does not know yet."""
    until: str | None
    """None: it still serves."""
    who: str
    why: str
    instead_of: int | None
    """The version that served until then."""


def cut_short(entries: Sequence[Entry]) -> Entry | None:
    """The change that was begun last and not ended: one is at it right now, or a crash left it."""
    ended = {entry.ends for entry in entries}
    return next((e for e in reversed(entries) if e.state == "begun" and e.number not in ended), None)


def made(entries: Sequence[Entry], also: Entry | None = None) -> list[Entry]:
    """The entries that began a change which was then done, and `also`, of which that is known from elsewhere."""
    done = {entry.ends for entry in entries if entry.state == "done"} | ({also.number} if also else set())
    return [entry for entry in entries if entry.number in done]


def latest(changes: Sequence[Entry]) -> dict[int, Entry]:
    """Of each version, the change that gave it the stage it has: its own, or of the one that took its place."""
    known: dict[int, Entry] = {}
    for entry in changes:
        if entry.change.replaced is not None:
            known[entry.change.replaced] = entry
        known[entry.change.version] = entry
    return known


def stage_after(entry: Entry, number: int) -> Stage:
    """Of the version `number`, which is one of the two that the change is about."""
    return entry.change.to_stage if number == entry.change.version else "archived"


def holder(changes: Sequence[Entry], stage: Stage) -> int | None:
    """The version that has `stage`, which is one of those that only one has."""
    last = latest(changes)
    return next((number for number, entry in last.items() if stage_after(entry, number) == stage), None)


def served(changes: Sequence[Entry]) -> list[Served]:
    """The oldest first. A change is dated by the entry that began it, within a moment of the alias."""
    times: list[Served] = []
    for entry in changes:
        change = entry.change
        serving = times[-1] if times and times[-1].until is None else None
        if serving and (change.to_stage == "production" or change.version == serving.version):
            times[-1] = replace(serving, until=entry.at)
        if change.to_stage == "production":
            before = serving.version if serving else None
            times.append(Served(change.version, entry.at, None, change.who, change.why, before))
    return times
