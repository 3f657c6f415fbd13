"""A change that ends before any of its writes, and two changes at once."""

import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from mlflow.exceptions import MlflowException

from tasks.errors import TransientError
from tasks.registry import standing
from tasks.registry.ledger import Ledger
from tasks.registry.registry import Registry
from tasks.registry.stages import Stages
from tests.registry.agreement import assert_all_agree

WRITES = ("set_", "delete_", "transition_", "append")
Act = Callable[[Stages], object]


class Killed(BaseException):
    """No handler of errors sees it, as none sees a kill -9."""


class Fuse:
    """Ends what is going on before its write number `at`, counting from 1."""

    def __init__(self, at: int, end: BaseException | None = None) -> None:
        self.at, self.count, self.end = at, 0, end or Killed()

    def burning(self, thing: Any) -> Any:
        return Burning(thing, self)


class Burning:
    def __init__(self, thing: Any, fuse: Fuse) -> None:
        self._thing, self._fuse = thing, fuse

    def __getattr__(self, name: str) -> Any:
        if name.startswith(WRITES):
            return lambda *args, **named: self._write(name, *args, **named)
        return getattr(self._thing, name)

    def _write(self, name: str, *args: Any, **named: Any) -> Any:
        self._fuse.count += 1
        if self._fuse.count >= self._fuse.at:
            raise self._fuse.end
        return getattr(self._thing, name)(*args, **named)


class Shop:
    """A registry and its ledger in one state, from which each try begins anew: 1 serves, 2 wants to, 3 is new."""

    def __init__(self, registry: Registry, database: Path, folder: Path) -> None:
        self.registry, self.database, self.ledger_path = registry, database, folder / "ledger.db"
        self.kept = (folder / "mlflow.kept", folder / "ledger.kept")
        stages = Stages(registry, self.ledger)
        stages.move(1, "production", "the first", "ann", {}, None)
        stages.move(2, "staging", "to be judged", "ann", {}, 1)
        copy(database, self.kept[0])
        shutil.copy(self.ledger_path, self.kept[1])

    @property
    def ledger(self) -> Ledger:
        return Ledger(f"sqlite:///{self.ledger_path}")

    def begin_anew(self) -> None:
        copy(self.kept[0], self.database)
        shutil.copy(self.kept[1], self.ledger_path)

    def killed(self, act: Act, at: int) -> bool:
        """Whether `act` got to its write number `at`, before which it ended."""
        fuse = Fuse(at)
        registry = Registry(self.registry.uri)
        registry.marks.client = fuse.burning(registry.marks.client)
        try:
            act(Stages(registry, fuse.burning(self.ledger)))
        except Killed:
            return True
        return False

    def stages(self) -> Stages:
        return Stages(self.registry, self.ledger)


def copy(here: Path, there: Path) -> None:
    with closing(sqlite3.connect(here)) as source, closing(sqlite3.connect(there)) as target:
        source.backup(target)


@pytest.fixture
def shop(of_three: Registry, used_by_one_test_after_another: Path, tmp_path: Path) -> Shop:
    return Shop(of_three, used_by_one_test_after_another, tmp_path)


CHANGES: dict[str, tuple[Act, int]] = {
    "promotion": (lambda s: s.move(2, "production", "better", "bob", {}, 1), 2),
    "staging": (lambda s: s.move(3, "staging", "to be judged", "bob", {}, 1), 1),
    "rejection": (lambda s: s.move(2, "rejected", "worse", "bob", {}, 1), 1),
    "rollback": (lambda s: s.rollback(3, "complaints", "bob"), 3),
}
"""And the version that serves after each."""


@pytest.mark.parametrize("name", CHANGES)
def test_after_a_crash_before_any_write_all_agree_again(shop: Shop, name: str) -> None:
    act, serves = CHANGES[name]
    at = 1
    while shop.killed(act, at):
        before = {t.version for t in shop.stages().history()}
        shop.stages().mend("ann")
        assert_all_agree(shop.registry, shop.ledger)
        assert shop.registry.marks.holder("production") in (1, serves)
        assert before == {t.version for t in shop.stages().history()}, "history knew without mending"
        assert {e.change.action for e in shop.ledger.entries()} <= {"move", "rollback"}, "who did it is not forgotten"
        shop.begin_anew()
        at += 1
    assert at > 7, "begun, the write that decides, four marks, done"
    assert shop.registry.marks.holder("production") == serves


@pytest.mark.parametrize("name", ["promotion", "rollback"])
def test_the_same_call_after_a_crash_ends_as_if_there_had_been_none(shop: Shop, name: str) -> None:
    act, serves = CHANGES[name]
    at = 1
    while shop.killed(act, at):
        act(shop.stages())
        assert_all_agree(shop.registry, shop.ledger)
        assert shop.registry.marks.holder("production") == serves
        assert [t.version for t in shop.stages().history()] == [1, serves], "done once"
        shop.begin_anew()
        at += 1


def test_a_crash_while_mending_is_mended(shop: Shop) -> None:
    act, serves = CHANGES["promotion"]
    at = 1
    shop.killed(act, 4)
    while shop.killed(lambda stages: stages.mend("ann"), at):
        shop.stages().mend("ann")
        assert_all_agree(shop.registry, shop.ledger)
        assert shop.registry.marks.holder("production") == serves
        shop.begin_anew()
        shop.killed(act, 4)
        at += 1
    assert at > 5


def test_a_crash_of_the_very_first_change_is_mended(of_three: Registry, ledger: Ledger) -> None:
    fuse = Fuse(3)
    of_three.marks.client = fuse.burning(of_three.marks.client)
    with pytest.raises(Killed):
        Stages(of_three, fuse.burning(ledger)).move(1, "production", "the first", "ann", {}, None)
    of_three = Registry(of_three.uri)
    assert Stages(of_three, ledger).move(1, "production", "the first", "ann", {}, None).stage == "production"
    assert_all_agree(of_three, ledger)
    assert [e.state for e in ledger.entries()] == ["begun", "done"]


def test_a_change_is_undone_where_it_was_not_decided(shop: Shop) -> None:
    assert shop.killed(CHANGES["promotion"][0], 2)
    cut = standing.cut_short(shop.ledger.entries())
    assert cut is not None
    shop.stages().mend("ann")
    last = shop.ledger.entries()[-1]
    assert (last.state, last.ends, last.change.who) == ("undone", cut.number, "ann")


def test_a_change_that_has_to_wait_too_long_says_for_whom(shop: Shop) -> None:
    impatient = Stages(shop.registry, Ledger(f"sqlite:///{shop.ledger_path}", wait_s=0.1))
    with shop.ledger.exclusive("retrain: weekly"), pytest.raises(TransientError, match="retrain: weekly"):
        impatient.rollback(3, "complaints", "bob")


RACE = """
import sys, time
from pathlib import Path
from tasks.errors import ShoprecError
from tasks.registry.ledger import Ledger
from tasks.registry.registry import Registry
from tasks.registry.stages import Stages

uri, ledger, folder, who, *acts = sys.argv[1:]
stages = Stages(Registry(uri), Ledger(ledger))
for act in acts:
    stages.serving()
    Path(folder, f"{act.split()[0]} {who}").touch()
    while not Path(folder, act.split()[0]).exists():
        time.sleep(0.001)
    try:
        print("won", eval(act.partition(" ")[2]).number, flush=True)
    except ShoprecError as error:
        print("lost", error, flush=True)
"""


def test_of_two_changes_at_once_one_wins_and_the_other_is_told_why_not(shop: Shop, tmp_path: Path) -> None:
    """Two processes promote different versions, and when both are done, both roll back."""
    command = [sys.executable, "-c", RACE, shop.registry.uri, f"sqlite:///{shop.ledger_path}", tmp_path]
    racers = [
        subprocess.Popen(
            [*command, who, f"promote stages.move({n}, 'production', 'by {who}', '{who}', {{}}, 1)", rollback],
            stdout=subprocess.PIPE,
            text=True,
        )
        for n, who, rollback in ((2, "ann", BACK.format(who="ann")), (3, "bob", BACK.format(who="bob")))
    ]
    (_, number), told = start(racers, tmp_path, "promote")
    assert f"version {number} serves since" in told
    assert "This change was decided with version 1 in production" in told
    assert shop.registry.marks.holder("production") == int(number)
    (_, number), told = start(racers, tmp_path, "rollback")
    assert number == "1"
    assert "version 1 serves since" in told
    assert "put there by" in told
    assert [racer.wait(timeout=60) for racer in racers] == [0, 0]
    assert_all_agree(shop.registry, shop.ledger)


BACK = "rollback stages.rollback(None, 'complaints of {who}', '{who}')"


def start(racers: list[subprocess.Popen[str]], folder: Path, what: str) -> tuple[list[str], str]:
    """What the winner said, in words, and what the loser was told."""
    end = time.monotonic() + 180
    while not all((folder / f"{what} {who}").exists() for who in ("ann", "bob")):
        assert time.monotonic() < end, "both are ready"
        time.sleep(0.05)
    (folder / what).touch()
    said = [racer.stdout.readline().strip() for racer in racers if racer.stdout is not None]
    lost, won = sorted(said)
    assert (lost[:5], won[:4]) == ("lost ", "won "), said
    return won.split(), lost


def test_a_fault_of_mlflow_in_the_middle_may_pass_and_the_next_call_ends_the_change(shop: Shop) -> None:
    act, serves = CHANGES["promotion"]
    registry = Registry(shop.registry.uri)
    registry.marks.client = Fuse(3, MlflowException("the server is away")).burning(registry.marks.client)
    with pytest.raises(TransientError, match="could not be used: the server is away"):
        act(Stages(registry, shop.ledger))
    now = shop.stages().serving()
    assert now is not None
    assert (now.version, now.who, now.why) == (serves, "bob", "better")
    act(shop.stages())
    assert_all_agree(shop.registry, shop.ledger)
