"""A change of stage from beginning to end, and what to make of one that was cut short.

The order makes a crash harmless: entry `begun`; the one write that decides; all else that tells of it; entry `done`.
Whoever comes next asks whether the deciding write was made. If so the rest is repeated, which does no harm; if not,
nothing else was written either, and the change is `undone`.
"""

from collections.abc import Sequence
from dataclasses import replace

from tasks.registry import standing
from tasks.registry.entries import Change, Entry
from tasks.registry.ledger import Ledger
from tasks.registry.marks import Marks
from tasks.registry.texts import listed
from tasks.registry.versions import ALIASES, PREVIOUS, Stage

UNKNOWN = "unknown"
_EXCLUSIVE_STAGES: tuple[Stage, ...] = ("production", "staging")
"""What serves comes first."""


class Changes:
    """To be used by who has the ledger exclusively."""

    def __init__(self, marks: Marks, ledger: Ledger) -> None:
        self._marks, self._ledger = marks, ledger

    def carry_out(self, change: Change) -> Entry:
        """The entry that says it is done."""
        begun = self._ledger.append("begun", change)
        if alias := ALIASES.get(change.to_stage):
            self._marks.point(alias, change.version)
        else:
            self._marks.put(change.version, change.to_stage)
        return self._finish(begun, change.who, change.why)

    def mend(self, who: str) -> Entry | None:
        """Makes ledger, aliases and tags agree; an alias wins over the ledger, and the ledger over a tag.

        Returns the entry that began a change which was cut short and is done now.
        """
        finished = self._end_what_was_cut_short(who)
        for stage in _EXCLUSIVE_STAGES:
            self._write_down_what_others_did(stage)
        self._correct_tags()
        return finished

    def is_decided(self, change: Change) -> bool:
        """Whether the write was made after which `change` counts as made."""
        if change.to_stage in ALIASES:
            return self._marks.holder(change.to_stage) == change.version
        found = self._marks.versions().get(change.version)
        return found is not None and found.stage == change.to_stage

    def _finish(self, begun: Entry, who: str, why: str) -> Entry:
        change, there, aliases = begun.change, self._marks.versions(), self._marks.aliases()
        if change.replaced is not None and change.replaced in there:  # versions can be deleted in MLflow at any time
            if change.to_stage == "production":
                self._marks.point(PREVIOUS, change.replaced)
            self._tell(change.replaced, begun)
        for stage, alias in ALIASES.items():
            if stage != change.to_stage and aliases.get(alias) == change.version:
                self._marks.drop(alias)
        if change.version in there:
            self._tell(change.version, begun)
        return self._ledger.append("done", replace(change, who=who, why=why, evidence={}), begun.number)

    def _end_what_was_cut_short(self, who: str) -> Entry | None:
        cut = standing.cut_short(self._ledger.entries())
        if cut is None:
            return None
        if self.is_decided(cut.change):
            self._finish(cut, who, "finished by who came next: it was cut short")
            return cut
        ended = replace(cut.change, who=who, why="it was cut short before it was decided", evidence={})
        self._ledger.append("undone", ended, cut.number)
        return None

    def _write_down_what_others_did(self, stage: Stage) -> None:
        """An alias set by hand, or before there was a ledger, is what serves; so the ledger has to say it."""
        entries = self._ledger.entries()
        known, actual = standing.holder(standing.made(entries), stage), self._marks.holder(stage)
        if actual == known:
            return
        if actual is not None:
            why = "set by other means than shoprec" if entries else "it had this stage when the ledger began"
            why += self._what_is_lost(entries)
            before = self._marks.version(actual).stage
            self._write_down(Change("found", actual, before, stage, UNKNOWN, why, replaced=known))
        elif known is not None:
            why = f"the alias {ALIASES[stage]} was taken away by other means than shoprec"
            self._write_down(Change("found", known, stage, "archived", UNKNOWN, why))

    def _what_is_lost(self, entries: Sequence[Entry]) -> str:
        """Written down, since the tags that tell of it are about to be corrected."""
        here = {(entry.number, entry.digest) for entry in entries}
        lost = sorted(set(self._marks.named_entries().values()) - here)
        named = listed([f"{number} ({digest[:12]})" for number, digest in lost], ", ")
        return f"; MLflow names entries that this ledger lacks: {named}" if lost else ""

    def _correct_tags(self) -> None:
        """Of versions that the ledger knows, and of others that claim a stage which is somebody else's."""
        last = standing.latest(standing.made(self._ledger.entries()))
        for number, version in self._marks.versions().items():
            if number in last and version.stage != standing.stage_after(last[number], number):
                self._tell(number, last[number])
            elif number not in last and version.stage in ALIASES:
                why = "its tag said so, but not the alias"
                self._write_down(Change("found", number, version.stage, "archived", UNKNOWN, why))

    def _write_down(self, change: Change) -> None:
        self._finish(self._ledger.append("begun", change), change.who, change.why)

    def _tell(self, number: int, entry: Entry) -> None:
        """What `entry` says of the version: it made the change, or another took its place by it."""
        change = entry.change
        why = change.why if number == change.version else f"version {change.version} took its place"
        stage = standing.stage_after(entry, number)
        self._marks.tell(number, stage, why, f"{entry.number} {entry.digest}")
