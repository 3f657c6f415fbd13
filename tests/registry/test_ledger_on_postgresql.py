"""The ledger on a real PostgreSQL server, whose lock belongs to a connection, and so holds for several machines."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tasks.errors import TransientError
from tasks.registry.ledger import Ledger
from tests.postgres import PASSWORD, Postgres
from tests.registry.test_ledger import CHANGE, HOLD


@pytest.fixture
def address(postgres: Postgres, request: pytest.FixtureRequest) -> str:
    return postgres.new_database(request.node.name[-60:])


def test_entries_that_several_append_at_once_are_all_there_and_fit(address: str) -> None:
    def append(_: int) -> None:
        ledger = Ledger(address)
        with ledger.exclusive("one of many"):
            ledger.append("begun", CHANGE)

    with ThreadPoolExecutor(4) as many:
        list(many.map(append, range(12)))
    ledger = Ledger(address)
    assert [entry.number for entry in ledger.entries()] == list(range(1, 13))
    assert ledger.check() is None


def test_who_is_killed_holds_nothing(address: str) -> None:
    impatient = Ledger(address, wait_s=0.5)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    told = pytest.raises(TransientError, match=r"changed by database process \d+ \(shoprec: ann, since")
    with told, impatient.exclusive("bob"):
        pass
    holder.kill()
    holder.wait()
    with Ledger(address, wait_s=10).exclusive("bob"):
        pass


def test_a_server_that_is_restarted_is_a_fault_that_passes_and_is_told_without_its_password(
    address: str, postgres: Postgres
) -> None:
    ledger = Ledger(address)
    ledger.append("begun", CHANGE)
    postgres.stop()
    try:
        with pytest.raises(TransientError) as told:
            ledger.append("done", CHANGE)
        assert PASSWORD not in str(told.value)
    finally:
        postgres.start()
    assert len(Ledger(address).entries()) == 1
