"""A refresh has the ranker of its parent, so a verdict against one of the two is one against the other."""

from typing import Any

from tasks.registry.entries import Change
from tasks.registry.lines import judged_against, learned_as


def moved(version: int, **evidence: Any) -> Change:
    return Change("move", version, "candidate", "production", "a run", "a test", evidence=evidence)


CHANGES = [
    moved(1, decision="promote", judged_against=None),
    moved(2, decision="promote", refresh_of=1),
    moved(3, decision="hold", judged_against=1),
    moved(4, decision="promote", refresh_of=2),
    moved(5, decision="promote", judged_against=4),
    moved(6, decision="promote", refresh_of=5),
    moved(7, decision="hold", judged_against=6),
]


def test_a_refresh_of_a_refresh_has_the_ranker_of_the_first() -> None:
    assert [learned_as(CHANGES, number) for number in range(1, 8)] == [1, 1, 3, 1, 5, 5, 7]
    assert learned_as(CHANGES, None) is None


def test_gates_are_counted_against_a_ranker_whatever_its_state() -> None:
    for champion in (1, 2, 4):
        assert [change.version for change in judged_against(CHANGES, champion)] == [3, 5]
    assert [change.version for change in judged_against(CHANGES, 5)] == [7]
    assert [change.version for change in judged_against(CHANGES, None)] == [1]


def test_a_ledger_that_somebody_made_turn_in_circles_is_still_read() -> None:
    changes = [moved(1, refresh_of=2), moved(2, refresh_of=1), moved(3, refresh_of=3)]
    assert [learned_as(changes, number) for number in (1, 2, 3)] == [1, 1, 3]
