"""What `make up` is for when nobody looks: a machine that is lost, a run that hangs, a second worker.

The tests are one story of one project, in this order.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.conftest import toy_project
from tests.flows.unattended import (
    Inbox,
    Unattended,
    forget_what_was_learned,
    go_on,
    hang,
    unattended,
    until,
    with_deployments,
)
from tests.waiting import wait_for_text, wait_until_gone


@pytest.fixture(scope="module")
def shop(
    tmp_path_factory: pytest.TempPathFactory, exports: Path, empty_database: Path, inbox: Inbox
) -> Iterator[Unattended]:
    root = with_deployments(toy_project(tmp_path_factory.mktemp("losses"), exports, empty_database))
    with unattended(root, SHOPREC_ALERTS_URL=inbox.address) as shop:
        yield shop


def hanging(shop: Unattended, reason: str) -> tuple[str, int]:
    """A retrain that hangs in a stage; its id and the stage's process."""
    forget_what_was_learned(shop.root)
    hang(shop.root)
    run = shop.start("retrain/retrain", reason=reason)
    return run, int(wait_for_text(shop.root / "hanging", 240))


def test_after_the_machine_was_lost_no_run_keeps_its_slot(shop: Unattended) -> None:
    """Run, worker and server are killed together; nobody is left who would see the run's heartbeats stop."""
    run, stage = hanging(shop, "lost with its machine")
    lost = [shop.service("worker"), shop.process_of(run), shop.service("prefect")]
    for process in lost:
        process.kill()
    wait_until_gone(stage)
    go_on(shop.root)
    assert "lost with its machine" in shop.shoprec("up")
    assert shop.run(run)["state_name"] == "Crashed"
    again = shop.start("retrain/retrain", reason="after the loss")
    assert shop.ended(again)["state_name"] == "Completed"


def test_two_workers_start_each_run_once(shop: Unattended) -> None:
    forget_what_was_learned(shop.root)
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "shoprec", "--type", "process"]
    second = subprocess.Popen(command, cwd=shop.root, env=shop.env | {"PREFECT_API_URL": shop.api})
    try:
        runs = [shop.start("retrain/retrain", reason=f"with two workers, {one}") for one in (1, 2)]
        assert [shop.ended(run)["state_name"] for run in runs] == ["Completed", "Completed"]
        first, last = (shop.run(run) for run in runs)
        assert [run["run_count"] for run in (first, last)] == [1, 1]
        assert last["start_time"] > first["end_time"] or first["start_time"] > last["end_time"]
    finally:
        second.terminate()
        second.wait(60)


def test_a_run_that_hangs_is_ended_with_all_that_it_began_and_somebody_is_told(shop: Unattended, inbox: Inbox) -> None:
    automations = shop.root / "infra" / "automations.yaml"
    written = automations.read_text(encoding="utf-8")
    assert "within: 28800" in written
    automations.write_text(written.replace("within: 28800", "within: 60"), encoding="utf-8")
    shop.shoprec("deploy")
    run, stage = hanging(shop, "hangs")
    until(lambda: shop.run(run)["state_name"] == "Cancelled", "the run is cancelled", 240)
    wait_until_gone(stage)
    inbox.gets("took too long", run)
    go_on(shop.root)
