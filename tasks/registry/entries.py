"""What the ledger holds: changes of stage, as entries that each carry the digest of all before them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tasks.errors import ShoprecError
from tasks.registry.texts import STORED, storable
from tasks.registry.versions import Stage

Action = Literal["move", "rollback", "found"]
"""`found`: the registry had been changed by other means; the ledger catches up with what serves."""
State = Literal["begun", "done", "undone"]
_LONGEST_NAME, _LONGEST_EVIDENCE = 200, 20_000


@dataclass(frozen=True)
class Change:
    """One version's change of stage. Another that had the alias of `to_stage` until then is `replaced`: archived."""

    action: Action
    version: int
    from_stage: Stage
    to_stage: Stage
    who: str
    why: str
    replaced: int | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """A change is `begun` by one entry, and another that `ends` it says whether it was `done` or `undone`."""

    number: int
    """1, 2, 3, … without a gap."""
    at: str
    """UTC, ISO 8601 with microseconds."""
    state: State
    ends: int | None
    """Number of the entry with which the change was begun."""
    change: Change
    digest: str
    """SHA-256, hexadecimal, over the entry and the digest of the one before."""


def row_of(number: int, at: str, state: State, ends: int | None, change: Change, before: str) -> dict[str, Any]:
    """The entry as columns of numbers and text, with its digest; `before` is the digest of the last, or empty.

    Texts are made storable. Raises ShoprecError for evidence that is no JSON, or a whole document of it.
    """
    row = {
        "number": number,
        "at": at,
        "state": state,
        "ends": ends,
        "who": storable(change.who, _LONGEST_NAME),
        "action": change.action,
        "version": change.version,
        "from_stage": change.from_stage,
        "to_stage": change.to_stage,
        "replaced": change.replaced,
        "why": storable(change.why, STORED),
        "evidence": _evidence(change),
    }
    return row | {"digest": digest_of(row, before)}


def digest_of(row: Mapping[str, Any], before: str) -> str:
    content = {name: value for name, value in row.items() if name != "digest"} | {"before": before}
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=repr).encode()).hexdigest()


def entry_of(row: Mapping[str, Any]) -> Entry:
    """Evidence that somebody has made unreadable is given as text, so that the rest can be read."""
    try:
        evidence = json.loads(row["evidence"])
    except (ValueError, TypeError):
        evidence = {"unreadable": repr(row["evidence"])}
    names = ("action", "version", "from_stage", "to_stage", "who", "why", "replaced")
    change = Change(**{name: row[name] for name in names}, evidence=evidence)
    return Entry(row["number"], row["at"], row["state"], row["ends"], change, row["digest"])


def _evidence(change: Change) -> str:
    try:  # in ASCII, where a NUL or half a surrogate pair is spelled out too
        text = json.dumps(change.evidence, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ShoprecError(f"evidence for version {change.version} has to be JSON, for the ledger: {error}") from error
    if len(text) > _LONGEST_EVIDENCE:
        raise ShoprecError(
            f"evidence for version {change.version} is {len(text):,} characters of JSON, but the ledger takes"
            f" {_LONGEST_EVIDENCE:,}: give verdict and digests, and log the rest with the run"
        )
    return text
