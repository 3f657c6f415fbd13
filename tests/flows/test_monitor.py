"""A look at fresh data: the real flow over the small shop, in a quiet week and then in a broken one."""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
import yaml
from prefect.settings import get_current_settings
from sqlalchemy import create_engine, text

from flows.cli import main
from flows.events import DRIFT_DETECTED
from flows.monitor import monitor
from flows.monitoring.look import Outcome
from flows.retrain import retrain
from tasks.errors import ShoprecError
from tests.flows.conftest import change_params, real_project
from tests.flows.shops import LAST_DAY, WEEKS, purchases

pytestmark = pytest.mark.usefixtures("prefect_server")
BROKEN = "2024-04-08"
"""From this day on prices are in cents."""


@dataclass(frozen=True)
class Shop:
    root: Path
    quiet: Outcome
    broken: Outcome
    events: list[dict[str, Any]]
    """Of drift, after both looks."""


@pytest.fixture(scope="module")
def shop(prefect_server: None, tmp_path_factory: pytest.TempPathFactory, exports: Path) -> Iterator[Shop]:
    del prefect_server
    root = real_project(tmp_path_factory.mktemp("monitored"), exports)
    events = purchases(np.random.default_rng(7), WEEKS + 2, LAST_DAY + pd.Timedelta(days=14))
    late = events["bought_at"] >= BROKEN
    events.loc[late, "paid"] = 100 * events.loc[late, "paid"]
    sell_until(root, events, "2024-04-01")
    retrain(root=root, reason="to look back at")
    sell_until(root, events, BROKEN)
    quiet = monitor(root=root, reason="a quiet week")
    sell_until(root, events, "2024-04-15")
    broken = monitor(root=root, reason="a broken week")
    yield Shop(root, quiet, broken, drift_events(root))


def sell_until(root: Path, events: pd.DataFrame, day: str) -> None:
    events[events["bought_at"] < day].to_csv(root / "exports" / "events.csv", index=False)
    params = yaml.safe_load((root / "params.yaml").read_text())
    source = params["source"] | {"as_of": f"{day}T00:00:00+00:00"}
    change_params(root, root / "params.yaml", source=source)


def drift_events(root: Path) -> list[dict[str, Any]]:
    """As Prefect's server has them; it writes what it is told a moment later."""
    api = get_current_settings().api.url
    asked = {"filter": {"event": {"name": [DRIFT_DETECTED]}}}
    for _ in range(60):
        found = httpx.post(f"{api}/events/filter", json=asked).json()["events"]
        mine = [event for event in found if event["resource"]["prefect.resource.name"] == root.name]
        if mine:
            return mine
        time.sleep(0.5)
    return []


def statuses(outcome: Outcome) -> dict[str, str]:
    return {of.measure: of.status for of in outcome.look.found}


def test_a_week_like_those_before_it_is_no_alarm(shop: Shop) -> None:
    assert shop.quiet.is_new
    assert shop.quiet.told == ()
    assert shop.quiet.look.breaches == ()
    assert {of.measure for of in shop.quiet.look.found if of.status == "within"} >= {
        "price",
        "active users",
        "item popularity",
        "features, by gain",
        "NDCG@10 on all purchases",
        "recommended categories",
    }


def test_prices_in_cents_are_an_alarm_that_names_them(shop: Shop) -> None:
    assert statuses(shop.broken)["price"] == "breach"
    assert "price" in shop.broken.told
    (price,) = (of for of in shop.broken.look.found if of.measure == "price")
    assert price.value is not None
    assert price.bound is not None
    assert price.value > 0.9 > price.bound
    assert statuses(shop.broken)["item popularity"] == "within"


def test_prefect_is_told_once_with_what_was_found(shop: Shop) -> None:
    (event,) = shop.events
    assert event["resource"]["prefect.resource.id"] == f"shoprec.project.{shop.root.name}"
    payload = event["payload"]
    assert (payload["version"], payload["learned"]) == (1, 1)
    assert payload["week"]["end"].startswith("2024-04-15")
    told = {breach["measure"]: breach for breach in payload["breaches"]}
    assert set(told) == set(shop.broken.told)
    assert told["price"]["value"] > told["price"]["bound"]


def test_a_look_without_news_changes_nothing(shop: Shop) -> None:
    before = rows(shop.root)
    again = monitor(root=shop.root, reason="again")
    assert (again.is_new, again.told) == (False, ())
    assert again.look == shop.broken.look
    assert rows(shop.root) == before
    assert len(drift_events(shop.root)) == 1


def rows(root: Path) -> list[Any]:
    with create_engine(f"sqlite:///{root / 'var' / 'monitoring.db'}").connect() as connection:
        return [tuple(row) for row in connection.execute(text("SELECT * FROM looks ORDER BY look, place"))]


def test_the_history_has_a_row_a_look_and_measure(shop: Shop) -> None:
    found = rows(shop.root)
    assert len(found) == len(shop.quiet.look.found) + len(shop.broken.look.found)


def test_the_page_shows_every_look_and_loads_nothing(shop: Shop) -> None:
    page = shop.broken.page.read_text(encoding="utf-8")
    assert "<h1>Alarm: " in page
    assert "<b>2</b> looks" in page
    assert 'src="http' not in page
    assert "2024-04-08" in page


def test_the_command_exits_with_0_and_names_the_breaches(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["shoprec", "monitor", "--root", str(shop.root), "--json"])
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main()
    out = capsys.readouterr().out
    assert ended.value.code in (0, None)
    assert "price" in json.loads(out[out.index("{") :])["breaches"]


def test_where_nothing_serves_there_is_nothing_to_look_at(toy: Path) -> None:
    with pytest.raises(ShoprecError, match="nothing serves"):
        monitor(root=toy)
