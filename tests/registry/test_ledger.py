"""On SQLite; what is portable of it has no other SQL."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tasks.errors import ShoprecError, TransientError
from tasks.registry.entries import Change, digest_of
from tasks.registry.ledger import Ledger, Misfit

CHANGE = Change("move", 1, "candidate", "production", "ann", "the first", evidence={"lift": 0.01})


@pytest.fixture
def five(ledger: Ledger) -> Ledger:
    """Five entries."""
    for version in range(1, 6):
        ledger.append("begun", Change("move", version, "candidate", "staging", "ann", f"reason {version}"))
    return ledger


def change_behind_its_back(tmp_path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection, connection:
        triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for statement in (*(f"DROP TRIGGER {name}" for (name,) in triggers), *statements):
            connection.execute(statement)


def test_an_entry_is_read_as_it_was_written(ledger: Ledger) -> None:
    begun = ledger.append("begun", CHANGE)
    done = ledger.append("done", CHANGE, ends=begun.number)
    assert ledger.entries() == [begun, done]
    assert (begun.number, begun.ends, begun.change) == (1, None, CHANGE)
    assert (done.number, done.ends) == (2, 1)
    assert begun.at < done.at
    assert begun.at.endswith("+00:00")


def test_a_ledger_without_an_entry_is_empty_and_fits(ledger: Ledger) -> None:
    assert (ledger.entries(), ledger.check()) == ([], None)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE shoprec_ledger SET why = 'nothing'",
        "DELETE FROM shoprec_ledger WHERE number = 5",
        "INSERT OR REPLACE INTO shoprec_ledger SELECT * FROM shoprec_ledger WHERE number = 2",
    ],
)
def test_the_database_itself_refuses_what_is_not_growth(five: Ledger, tmp_path: Path, statement: str) -> None:
    refused = pytest.raises(sqlite3.IntegrityError, match="the ledger only grows")
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection, refused:
        connection.execute(statement)
    assert five.check() is None


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        ("UPDATE shoprec_ledger SET why = 'another' WHERE number = 3", 3),
        ("UPDATE shoprec_ledger SET at = '2020-01-01T00:00:00+00:00' WHERE number = 1", 1),
        ("UPDATE shoprec_ledger SET evidence = 'no json' WHERE number = 2", 2),
        ("UPDATE shoprec_ledger SET who = x'ff' WHERE number = 2", 2),
        ("UPDATE shoprec_ledger SET version = 'one' WHERE number = 5", 5),
        ("UPDATE shoprec_ledger SET digest = '' WHERE number = 4", 4),
        ("DELETE FROM shoprec_ledger WHERE number = 1", 2),
        ("DELETE FROM shoprec_ledger WHERE number = 3", 4),
        ("UPDATE shoprec_ledger SET number = number + 1 WHERE number = 5", 6),
    ],
)
def test_the_first_entry_that_somebody_changed_is_named(
    five: Ledger, tmp_path: Path, statement: str, number: int
) -> None:
    change_behind_its_back(tmp_path, statement)
    misfit = five.check()
    assert isinstance(misfit, Misfit)
    assert misfit.number == number
    assert five.entries(), "it can still be read"


def test_an_entry_cannot_be_changed_with_its_digest_unless_all_after_it_are(five: Ledger, tmp_path: Path) -> None:
    """So that who kept the last digest knows whether all before it is as it was."""
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        connection.row_factory = sqlite3.Row
        before, row = (dict(r) for r in connection.execute("SELECT * FROM shoprec_ledger WHERE number IN (2, 3)"))
    forged = digest_of(row | {"why": "forged"}, before["digest"])
    change_behind_its_back(tmp_path, f"UPDATE shoprec_ledger SET why = 'forged', digest = '{forged}' WHERE number = 3")
    misfit = five.check()
    assert misfit is not None
    assert misfit.number == 4


def test_who_changes_stages_is_named_to_who_waits(ledger: Ledger, tmp_path: Path) -> None:
    other = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}", wait_s=0.1)
    told = pytest.raises(TransientError, match=r"process \d+ \(since .*, ann\\n\[bold\]\)")
    with ledger.exclusive("ann\n[bold]"), told, other.exclusive("bob"):
        pass
    with other.exclusive("bob"):
        pass


HOLD = """
import sys
from pathlib import Path
from tasks.registry.ledger import Ledger

with Ledger(sys.argv[1]).exclusive("ann"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_who_is_killed_holds_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    impatient, command = Ledger(url, wait_s=0.1), [sys.executable, "-c", HOLD, url]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(TransientError, match=f"process {holder.pid}"), impatient.exclusive("bob"):
        pass
    holder.kill()
    holder.wait()
    with impatient.exclusive("bob"):
        pass


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("nonsense", "no address of a database"),
        ("sqlite://", "no ledger can be kept at sqlite://"),
        ("sqlite:///:memory:", "no ledger can be kept"),
        ("mysql://ann:secret@host/db", r"no ledger can be kept at mysql://ann:\*\*\*@host/db"),
    ],
)
def test_an_address_where_no_ledger_can_be_is_refused_without_its_password(url: str, told: str) -> None:
    with pytest.raises(ShoprecError, match=told) as refused:
        Ledger(url)
    assert "SHOPREC_LEDGER has to be as" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_locked_ledger_may_pass(five: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.registry.ledger_table.BUSY_S", 0.1)
    waits_less = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(TransientError, match="could not be used: database is locked"):
            waits_less.append("begun", CHANGE)
    assert len(five.entries()) == 5


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_text("no database at all, but a text that is long enough for its header" * 20)
    with pytest.raises(ShoprecError, match="refused: file is not a database; see that SHOPREC_LEDGER"):
        Ledger(f"sqlite:///{tmp_path / 'ledger.db'}").entries()


@pytest.mark.parametrize("text", ["\udc80", "\0", "a\r\nb", "[bold]", "🛒\u202e", "x" * 100_000, "'; DROP TABLE x;--"])
def test_any_text_can_be_written_and_fits(ledger: Ledger, text: str) -> None:
    evidence: dict[str, Any] = {text[:100]: text[:100]}
    written = ledger.append("begun", Change("move", 1, "candidate", "staging", text, text, evidence=evidence))
    assert ledger.entries() == [written]
    assert ledger.check() is None
    assert written.change.evidence == evidence
    assert len(written.change.why) <= 10_000
