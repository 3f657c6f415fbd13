"""A retrain that is killed anywhere between its trained ranker and its last entry in the ledger, and the next one; a
refresh that is killed anywhere between its validated data and that entry, and the next one."""

import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest

from flows import steps
from tasks.versioning import prepare
from tests.flows import killing, killing_refresh
from tests.flows.conftest import toy_project

KILLED = -9
KILLS = 16
"""Of each scenario, evenly spread over its writes."""


class Trained:
    """A project whose stages have run, before its data was pushed; `begin_anew` puts it back there.

    In one place, since MLflow keeps addresses of artifacts. Each run in it is a process of its own, forked from one
    that has imported all.
    """

    def __init__(self, root: Path, forks: ForkServerContext) -> None:
        self.root, self.forks = root, forks
        self.kept = root.with_name(f"{root.name}-kept")
        self.keep()

    def keep(self) -> None:
        shutil.rmtree(self.kept, ignore_errors=True)
        shutil.copytree(self.root, self.kept)

    def begin_anew(self) -> None:
        shutil.rmtree(self.root)
        shutil.copytree(self.kept, self.root)

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        with ProcessPoolExecutor(1, mp_context=self.forks) as pool:
            return pool.submit(function, self.root, *arguments).result()

    def killed(self, job: killing.Job, fatal: int) -> int | None:
        """How a process ended that was to die before the job's write of that number."""
        process = self.forks.Process(target=killing.die_before, args=(self.root, job, fatal))
        process.start()
        process.join()
        return process.exitcode


@pytest.fixture(scope="module")
def forks() -> ForkServerContext:
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.flows.killing_refresh"])
    return context


@pytest.fixture(scope="module")
def first(
    tmp_path_factory: pytest.TempPathFactory, exports: Path, empty_database: Path, forks: ForkServerContext
) -> Trained:
    return trained_in(toy_project(tmp_path_factory.mktemp("killed"), exports, empty_database), forks)


@pytest.fixture(scope="module")
def second(first: Trained) -> Trained:
    """One version serves, and another was trained that will be found better."""
    first.begin_anew()
    let_it_serve(first)
    killing.train(first.root)
    first.keep()
    return first


@pytest.fixture(scope="module")
def validated(
    tmp_path_factory: pytest.TempPathFactory, exports: Path, empty_database: Path, forks: ForkServerContext
) -> Trained:
    """One version serves, and newer data was validated."""
    trained = trained_in(toy_project(tmp_path_factory.mktemp("refreshed"), exports, empty_database), forks)
    let_it_serve(trained)
    killing_refresh.validate(trained.root)
    trained.keep()
    return trained


def trained_in(root: Path, forks: ForkServerContext) -> Trained:
    prepare(root)
    trained = Trained(root, forks)
    killing.train(root)
    trained.keep()
    return trained


def let_it_serve(trained: Trained) -> None:
    """And sell something after that."""
    trained.run(killing.finish_quickly)
    events = trained.root / "exports" / "events.csv"
    events.write_text(events.read_text() + "c000,sku-00,2024-03-31 21:00,1,1.0\n")


def assert_survives(trained: Trained, job: killing.Job, new: int, before: Mapping[int, str]) -> None:
    """Whatever write a run is killed before: what serves is whole, and the next run ends what was begun."""
    trained.begin_anew()
    writes = trained.run(killing.count_writes, job)
    digests = {**before, new: trained.run(killing.digest_of_champion)}
    fatal = sorted({round(n * (writes - 1) / (KILLS - 1)) for n in range(KILLS)})
    assert len(fatal) == KILLS
    for at in fatal:
        trained.begin_anew()
        assert trained.killed(job, at) == KILLED, f"before write {at} of {writes}"
        found = trained.run(killing.aftermath, job, digests)
        assert found.served in (new, *(before or [None])), at
        assert found.whole, at
        assert found.served != new or not found.unpushed, "what serves can be made again"
        assert (found.version.number, found.version.stage, found.digest) == (new, "production", digests[new]), at
        assert found.versions == list(range(1, new + 1)), f"{at}: one recipe, one version"
        assert found.runs.count("FINISHED") == new, (at, found.runs)
        assert "RUNNING" not in found.runs, (at, found.runs)
        assert not killing.not_in_remote(trained.root)
        assert [path.name for scratch in steps.SCRATCH for path in (trained.root / "var").glob(scratch)] == [], at


def test_the_first_champion_survives_a_kill_before_any_write(first: Trained) -> None:
    assert_survives(first, killing.finish_quickly, 1, {})


def test_a_change_of_champion_survives_a_kill_before_any_write(second: Trained) -> None:
    assert_survives(second, killing.finish_quickly, 2, {1: second.run(killing.digest_of_champion)})


def test_a_refresh_survives_a_kill_before_any_write(validated: Trained) -> None:
    assert_survives(validated, killing_refresh.refresh_quickly, 2, {1: validated.run(killing.digest_of_champion)})
