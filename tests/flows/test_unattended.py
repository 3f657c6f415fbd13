"""`make up` on a real Prefect server, a real MLflow server and a real worker: what starts a run, and what befalls it.

The tests are one story of one project, in this order.
"""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import yaml

from flows.events import DATA_UPDATED, DRIFT_DETECTED
from tasks.registry.ledger import Ledger
from tests.flows.conftest import toy_project
from tests.flows.unattended import (
    PROJECT,
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
    root = toy_project(tmp_path_factory.mktemp("unattended"), exports, empty_database)
    with_deployments(root, {"review": "* * * * *", "retrain": "0 3 * * 1"})
    with unattended(root, SHOPREC_ALERTS_URL=inbox.address) as shop:
        yield shop


def named(shop: Unattended, deployment: str) -> dict[str, dict[str, str] | None]:
    return next(one for one in shop.status()["deployments"] if one["name"] == deployment)


def test_status_says_what_runs_and_what_is_next(shop: Unattended) -> None:
    until(lambda: named(shop, "retrain/retrain")["next"] is not None, "the schedule makes runs")
    found = shop.status()
    assert {one["name"]: one["state"] for one in found["services"]} == {"mlflow": "up", "prefect": "up", "worker": "up"}
    following = named(shop, "retrain/retrain")["next"]
    assert following is not None
    at = datetime.fromisoformat(following["at"])
    assert (at.weekday(), at.hour, at.minute) == (0, 3, 0)
    assert "retrain/retrain" in shop.shoprec("status")


def test_brought_up_again_all_goes_on_as_it_is_and_nothing_is_registered_twice(shop: Unattended) -> None:
    def state() -> tuple[list[int], list[str]]:
        automations = shop.answer("POST", "/automations/filter", {})
        pids = [shop.service(name).pid for name in ("mlflow", "prefect", "worker")]
        return pids, sorted(one["name"] for one in automations)

    before = state()
    shop.shoprec("up")
    assert state() == before
    assert len(set(before[1])) == len(before[1])


def test_data_that_was_updated_starts_a_retrain_and_what_is_promoted_is_published(shop: Unattended) -> None:
    shop.happens(DATA_UPDATED)
    done = shop.newest("retrain", after=0)
    assert (done["state_name"], done["parameters"]["reason"]) == ("Completed", "data was updated")
    entries = Ledger(f"sqlite:///{shop.root / 'var' / 'ledger.db'}").entries()
    assert [(entry.change.who, entry.change.to_stage) for entry in entries][-1] == (
        "retrain: data was updated",
        "production",
    )
    published = shop.newest("recommend", after=0)
    assert published["parameters"]["reason"] == "another version serves"


def test_a_shop_that_has_drifted_starts_a_retrain_and_somebody_is_told(shop: Unattended, inbox: Inbox) -> None:
    shop.happens(DRIFT_DETECTED)
    done = shop.newest("retrain", after=1)
    assert (done["state_name"], done["parameters"]["reason"]) == ("Completed", "the shop has drifted")
    inbox.gets("drifted")


def test_a_schedule_starts_what_it_names(shop: Unattended) -> None:
    done = shop.newest("review", after=0, seconds=180)
    assert (done["state_name"], done["auto_scheduled"]) == ("Completed", True)


def test_a_person_starts_one_by_prefects_own_command(shop: Unattended) -> None:
    command = [sys.executable, "-m", "prefect", "deployment", "run", "refresh/refresh", "-p", "reason=ada", "--watch"]
    done = subprocess.run(
        command, env=shop.env | {"PREFECT_API_URL": shop.api}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    last = named(shop, "refresh/refresh")["last"]
    assert last is not None
    assert last["state"] == "Completed"
    assert last["name"] == "refresh: ada"


def test_every_deployment_says_what_it_does_and_what_its_parameters_are(shop: Unattended) -> None:
    written = yaml.safe_load((PROJECT / "infra" / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    assert [one["name"] for one in written] == ["retrain", "refresh", "recommend", "monitor", "review", "rollback"]
    found = {one["name"]: one for one in shop.answer("POST", "/deployments/filter", {})}
    assert all(one["description"] for one in found.values())
    assert found["retrain"]["global_concurrency_limit"]["limit"] == 1
    assert found["rollback"]["parameter_openapi_schema"]["required"] == ["reason"]
    for name in ("refresh", "recommend"):
        assert found[name]["parameter_openapi_schema"]["properties"]["wait_minutes"]["minimum"] == 0


def test_a_parameter_of_the_wrong_type_is_refused_before_anything_starts(shop: Unattended) -> None:
    with pytest.raises(Exception, match="wait_minutes"):
        shop.start("retrain/retrain", wait_minutes="long")


def test_of_two_retrains_the_second_waits_for_the_first(shop: Unattended) -> None:
    forget_what_was_learned(shop.root)
    hang(shop.root)
    first = shop.start("retrain/retrain", reason="first of two")
    wait_for_text(shop.root / "hanging", 240)
    second = shop.start("retrain/retrain", reason="second of two")
    until(lambda: shop.run(second)["state_name"] == "AwaitingConcurrencySlot", "the second one waits", 60)
    go_on(shop.root)
    ended = shop.ended(first)["end_time"]
    assert shop.ended(second)["state_name"] == "Completed"
    assert shop.run(second)["start_time"] > ended


def test_prefects_server_may_be_restarted_in_mid_run(shop: Unattended) -> None:
    forget_what_was_learned(shop.root)
    hang(shop.root)
    run = shop.start("retrain/retrain", reason="while the server restarts")
    wait_for_text(shop.root / "hanging", 240)
    server = shop.service("prefect")
    server.send_signal(signal.SIGKILL)
    wait_until_gone(server.pid)
    assert {one["name"]: one["state"] for one in shop.status()["services"]}["prefect"] == "ended"
    shop.shoprec("up")
    go_on(shop.root)
    assert shop.ended(run)["state_name"] == "Completed"


def test_bad_data_fails_the_run_and_the_alert_says_why(shop: Unattended, inbox: Inbox) -> None:
    events = shop.root / "exports" / "events.csv"
    good = events.read_text(encoding="utf-8")
    events.write_text(good.replace(",1,", ",-7,"), encoding="utf-8")
    try:
        run = shop.ended(shop.start("retrain/retrain", reason="bad data"))
    finally:
        events.write_text(good, encoding="utf-8")
    assert run["state_name"] == "Failed"
    assert "quantity" in inbox.gets("retrain", "Failed", "quantity")
    last = named(shop, "retrain/retrain")["last"]
    assert last is not None
    assert "quantity" in last["message"]


def test_a_run_whose_process_is_killed_has_crashed_and_the_next_one_goes_on_where_it_was(
    shop: Unattended, inbox: Inbox
) -> None:
    forget_what_was_learned(shop.root)
    hang(shop.root)
    run = shop.start("retrain/retrain", reason="killed")
    stage = int(wait_for_text(shop.root / "hanging", 240))
    shop.process_of(run).kill()
    assert shop.ended(run, 60)["state_name"] == "Crashed"
    wait_until_gone(stage)
    inbox.gets("retrain", "Crashed", run)
    go_on(shop.root)
    again = shop.start("retrain/retrain", reason="after the kill")
    assert shop.ended(again)["state_name"] == "Completed"
    logs = shop.answer("POST", "/logs/filter", {"logs": {"flow_run_id": {"any_": [again]}}, "limit": 200})
    assert any("validate" in log["message"] and "unchanged, skipped" in log["message"] for log in logs)


def test_the_address_of_alerts_is_in_no_file(shop: Unattended, inbox: Inbox) -> None:
    """It may hold a token. Prefect's database has it encrypted."""
    secret = inbox.address.rpartition("/")[2].encode()
    files = [path for path in shop.root.rglob("*") if path.is_file()]
    assert any(path.name == "prefect.db" for path in files)
    assert [path for path in files if secret in path.read_bytes()] == []


def test_down_ends_these_and_no_others(shop: Unattended) -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    try:
        mine = [shop.service(name) for name in ("mlflow", "prefect", "worker")]
        below = [child for process in mine for child in process.children(recursive=True)]
        shop.shoprec("down")
        assert not [process for process in (*mine, *below) if process.is_running()]
        assert other.poll() is None
        assert {one["state"] for one in json.loads(shop.shoprec("status", "--json", code=1))["services"]} == {
            "not started"
        }
        assert "nothing was up" in shop.shoprec("down")
    finally:
        other.kill()
        other.wait()


def test_a_port_that_is_taken_is_told_before_anything_starts(shop: Unattended) -> None:
    with socket.create_server(("127.0.0.1", int(shop.env["PREFECT_PORT"]))):
        shop.shoprec("up", code=1)
    assert not list((shop.root / "var" / "services").glob("*.json"))
