"""Any sequence of changes, carried out or not, gives times in production that follow one another."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tasks.registry import standing
from tasks.registry.entries import Change, Entry
from tasks.registry.versions import Stage

STAGES: list[Stage] = ["candidate", "staging", "production", "archived", "rejected"]
MADE = st.lists(st.tuples(st.integers(1, 4), st.sampled_from(STAGES), st.booleans()), max_size=20)


def entries_of(made: list[tuple[int, Stage, bool]]) -> list[Entry]:
    """As the ledger writes them; the boolean says whether the change was done or undone."""
    entries: list[Entry] = []
    stages: dict[int, Stage] = {}
    for version, to, is_done in made:
        holder = next((n for n, s in stages.items() if s == to and to in ("staging", "production")), None)
        replaced = holder if holder != version else None
        change = Change("move", version, stages.get(version, "candidate"), to, "ann", "why", replaced)
        number = len(entries) + 1
        entries.append(Entry(number, f"2026-01-01T00:00:{number:02}", "begun", None, change, ""))
        ended = Entry(
            number + 1, f"2026-01-01T00:00:{number + 1:02}", "done" if is_done else "undone", number, change, ""
        )
        entries.append(ended)
        if is_done:
            stages[version] = to
            if replaced is not None:
                stages[replaced] = "archived"
    return entries


@given(MADE)
def test_times_in_production_follow_one_another(made: list[tuple[int, Stage, bool]]) -> None:
    times = standing.served(standing.made(entries_of(made)))
    for one, next_one in pairwise(times):
        assert one.since is not None
        assert one.until is not None
        assert next_one.since is not None
        assert one.since < one.until <= next_one.since
        assert (next_one.instead_of == one.version) == (one.until == next_one.since)


@given(MADE)
def test_what_serves_is_what_holds_production(made: list[tuple[int, Stage, bool]]) -> None:
    changes = standing.made(entries_of(made))
    times = standing.served(changes)
    serving = times[-1].version if times and times[-1].until is None else None
    assert serving == standing.holder(changes, "production")


@given(MADE)
def test_what_was_undone_is_as_if_it_had_never_been(made: list[tuple[int, Stage, bool]]) -> None:
    changes = standing.made(entries_of(made))
    assert len(changes) == sum(is_done for _, _, is_done in made)
    assert standing.cut_short(entries_of(made)) is None


def test_a_change_that_was_not_ended_is_found() -> None:
    entries = entries_of([(1, "production", True), (2, "production", True)])[:-1]
    cut = standing.cut_short(entries)
    assert cut is not None
    assert cut.change.version == 2
    assert [t.version for t in standing.served(standing.made(entries))] == [1]
    assert [t.version for t in standing.served(standing.made(entries, cut))] == [1, 2]
