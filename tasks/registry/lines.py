"""Versions that have one and the same ranker: a retrained one, its refreshes, and theirs."""

from collections.abc import Sequence

from tasks.registry.entries import Change

REFRESH_OF = "refresh_of"
"""In the evidence of a refreshed version's move: the version whose ranker it has."""


def learned_as(changes: Sequence[Change], number: int | None) -> int | None:
    """The version as which the ranker of version `number` was learned; itself, unless it is a refresh."""
    parents = {change.version: change.evidence[REFRESH_OF] for change in changes if REFRESH_OF in change.evidence}
    while number is not None and (parent := parents.get(number, number)) < number:
        number = parent
    return number


def judged_against(changes: Sequence[Change], champion: int | None) -> list[Change]:
    """The changes that a verdict led to which was given against `champion`, or another version with its ranker.

    As of a test fold's cutoff those give the same lists, so a verdict against one is a verdict against all.
    """
    line = learned_as(changes, champion)
    verdicts = [change for change in changes if "judged_against" in change.evidence]
    return [change for change in verdicts if learned_as(changes, change.evidence["judged_against"]) == line]
