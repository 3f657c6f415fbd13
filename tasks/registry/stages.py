"""Stages of versions: moved one at a time, each change in the ledger, production by one atomic write of its alias.

What serves reads the alias `champion`. `previous` is the version that served before it, so that going back needs no
search.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

from tasks.errors import ShoprecError
from tasks.registry import standing
from tasks.registry.changes import UNKNOWN, Changes
from tasks.registry.completeness import refuse_incomplete
from tasks.registry.entries import Action, Change
from tasks.registry.faults import faults_of_mlflow
from tasks.registry.ledger import Ledger, Misfit
from tasks.registry.registry import Registry
from tasks.registry.standing import Served
from tasks.registry.texts import storable, visible
from tasks.registry.versions import ALIASES, PREVIOUS, Stage, Version

_LONGEST_QUOTE = 300


class Stages:
    """Every method raises TransientError where MLflow or the ledger is locked, busy or does not answer.

    A change that was cut short, by that or by a crash, is brought to its end by the next call.
    """

    def __init__(
        self, registry: Registry, ledger: Ledger, refuse_to_serve: Callable[[Version], None] | None = None
    ) -> None:
        """`refuse_to_serve` raises ShoprecError where something outside the registry keeps a version from serving."""
        self._refuse_to_serve = refuse_to_serve
        self._marks, self._uri, self._ledger = registry.marks, registry.uri, ledger
        self._changes = Changes(registry.marks, ledger)

    def move(
        self,
        version: int,
        to: Stage,
        why: str,
        who: str,
        evidence: Mapping[str, Any],
        expected_champion: int | None,
    ) -> Version:
        """Gives `version` the stage `to`; another that had its alias is archived. Does nothing where it has it already.

        `expected_champion`: the version that served when this was decided; None: none did. Raises ShoprecError where
        another serves by now, where `version` was rejected or is not complete, and where it is the one that serves.
        """
        with self._alone(who):
            self._changes.mend(who)
            found = self._marks.version(version)
            if found.stage == to:
                return found
            self._refuse_unless_serving(expected_champion)
            if version == expected_champion:
                raise ShoprecError(
                    f"{found.name} version {version} serves and cannot become {to}, for nothing would serve then:"
                    " promote another, or roll back; that archives it"
                )
            return self._carry_out("move", found, to, why, who, evidence)

    def rollback(self, to: int | None, why: str, who: str) -> Version:
        """Puts `to`, or else the version that served before, back in production.

        Raises ShoprecError where there is no such version, it serves already, was rejected or is not complete, or
        where production changed while this call waited. The same call again, after one that was cut short, finishes
        that one. What a rollback took away is brought back by its number only: without `to`, a second rollback at the
        same time, or by someone who does not know of the first, would undo the first.
        """
        with faults_of_mlflow(self._uri):
            expected = self._marks.holder("production")
        with self._alone(who):
            finished = self._changes.mend(who)
            if finished and _is_asked_for(finished.change, to, why):
                return self._marks.version(finished.change.version)
            self._refuse_unless_serving(expected)
            found = self._marks.version(self._before(expected) if to is None else to)
            if found.number == expected:
                raise ShoprecError(f"there is nothing to roll back: {self._what_serves()}")
            return self._carry_out("rollback", found, "production", why, who, {})

    def mend(self, who: str) -> None:
        """Brings to its end what a crash cut short, and makes ledger, aliases and tags agree."""
        with self._alone(who):
            self._changes.mend(who)

    def history(self) -> list[Served]:
        """What was in production when, the oldest first."""
        with faults_of_mlflow(self._uri):
            entries = self._ledger.entries()
            cut = standing.cut_short(entries)
            decided = cut if cut and self._changes.is_decided(cut.change) else None
            return standing.served(standing.made(entries, decided))

    def changes(self) -> list[Change]:
        """Every change that was made, the oldest first."""
        return [entry.change for entry in standing.made(self._ledger.entries())]

    def serving(self) -> Served | None:
        """What is in production now: the alias says which version, the ledger since when and why."""
        times = self.history()
        with faults_of_mlflow(self._uri):
            champion = self._marks.holder("production")
        if champion is None or (times and times[-1].until is None and times[-1].version == champion):
            return times[-1] if champion else None
        return Served(champion, None, None, UNKNOWN, "before the ledger began, or by other means than shoprec", None)

    def check(self) -> Misfit | None:
        """The first entry of the ledger that is not as it was written, or that MLflow names and the ledger lacks."""
        with faults_of_mlflow(self._uri):
            named = self._marks.named_entries()
        digests = {entry.number: entry.digest for entry in self._ledger.entries()}
        misfits = [
            Misfit(
                number, f"MLflow names it as what gave version {version} its stage, and the ledger lacks it: {_LOST}"
            )
            for version, (number, digest) in named.items()
            if digests.get(number) != digest
        ]
        misfits += [found] if (found := self._ledger.check()) else []
        return min(misfits, key=lambda misfit: misfit.number, default=None)

    @contextmanager
    def _alone(self, who: str) -> Generator[None, None, None]:
        with faults_of_mlflow(self._uri), self._ledger.exclusive(who):
            yield

    def _carry_out(
        self, action: Action, found: Version, to: Stage, why: str, who: str, evidence: Mapping[str, Any]
    ) -> Version:
        if not why.strip():
            raise ShoprecError(f"say why {found.name} version {found.number} is to become {to}: the ledger keeps it")
        if to in ALIASES and found.stage == "rejected":
            raise ShoprecError(
                f"{found.name} version {found.number} was rejected and cannot become {to}:"
                f" {visible(found.reason, _LONGEST_QUOTE)}"
            )
        if to == "production":
            refuse_incomplete(found.name, found.number)
            if self._refuse_to_serve is not None:
                self._refuse_to_serve(found)
        replaced = self._marks.holder(to) if to in ALIASES else None
        change = Change(action, found.number, found.stage, to, who, why, replaced, evidence)
        self._changes.carry_out(change)
        return self._marks.version(found.number)

    def _refuse_unless_serving(self, expected: int | None) -> None:
        if self._marks.holder("production") != expected:
            judged = "with nothing in production" if expected is None else f"with version {expected} in production"
            raise ShoprecError(f"{self._what_serves()}. This change was decided {judged}: decide it anew")

    def _before(self, champion: int | None) -> int:
        """The version that served before the champion."""
        times = standing.made(self._ledger.entries())
        last = next((entry for entry in reversed(times) if entry.change.to_stage == "production"), None)
        if champion is not None and last is not None and last.change.action == "rollback":
            raise ShoprecError(
                f"{self._what_serves()}. That was a rollback, so the one before is what it took away: name the version"
                " that you want (--to N)"
            )
        previous = self._marks.aliases().get(PREVIOUS)
        if champion is None or previous is None:
            raise ShoprecError(
                f"{self._what_serves()}. What served before is not known: name the version that you want (--to N)"
            )
        return previous

    def _what_serves(self) -> str:
        now = self.serving()
        if now is None:
            return "no version serves"
        since = "for an unknown time" if now.since is None else f"since {now.since[:19].replace('T', ' ')} UTC"
        who, why = visible(now.who, _LONGEST_QUOTE), visible(now.why, _LONGEST_QUOTE)
        return f"version {now.version} serves {since}, put there by {who}: {why}"


_LOST = "entries were cut off, or SHOPREC_LEDGER names another ledger"


def _is_asked_for(done: Change, to: int | None, why: str) -> bool:
    return done.action == "rollback" and to in (None, done.version) and done.why == storable(why)
