"""One thing that was held against a passport, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tasks.registry.texts import listed

Outcome = Literal["pass", "fail", "not possible"]


@dataclass(frozen=True)
class Checked:
    name: str
    outcome: Outcome
    why: str


def judged(name: str, problems: Sequence[str], well: str) -> Checked:
    """`well`: what to say where there are no problems."""
    return Checked(name, "fail", listed(problems)) if problems else Checked(name, "pass", well)


def differences(written: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """In words, of path to digest."""
    gone = [f"{path} is gone" for path in written.keys() - now.keys()]
    added = [f"{path} was added" for path in now.keys() - written.keys()]
    changed = [f"{path} was changed" for path in written.keys() & now.keys() if written[path] != now[path]]
    return sorted(gone + added + changed)


def differences_of_values(written: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    """In words, of name to value; equal is what is so to the last digit."""
    return [
        f"{name} is {now.get(name, 'gone')!r}, was {written.get(name, 'not there')!r}"
        for name in sorted(written.keys() | now.keys())
        if name not in written or name not in now or now[name] != written[name]
    ]
