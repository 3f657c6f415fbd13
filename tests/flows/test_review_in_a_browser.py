"""A person reviews in MLflow's UI, in Chromium, and what they decide is done: real server, real retrains, real webhook.

The pictures that docs/promotion.md shows are taken here: `make screenshots`.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Page

from flows.listening import SECRET
from flows.retrain import retrain
from flows.review import review
from flows.settings import apply_settings
from flows.steps import Outcome
from tasks.registry.ledger import Ledger
from tasks.registry.registry import Registry
from tasks.registry.stages import Stages
from tests.flows.browser import VersionPage, opened_page
from tests.flows.conftest import change_params, real_project
from tests.flows.mlflow_server import CALLS_LOCALHOST, HOST, Server, free_port
from tests.flows.test_review import VERDICT
from tests.registry.conftest import retrains_in
from tests.waiting import wait_for_text

pytestmark = pytest.mark.usefixtures("prefect_server")
WEAK_RANKER = {"rounds": 2, "num_leaves": 2}
FEW = {"depth_all": 8, "depth_new": 8}
NEW_ITEMS_MAY_LOSE = 0.5
"""Share; 79 shoppers with new items tell too little for the margin of a larger shop."""
AT_ONCE = {"MLFLOW_WEBHOOK_CACHE_TTL": "1"}
SETTLE_S = 3


@dataclass(frozen=True)
class Shop:
    root: Path
    server: Server
    waiting: Outcome
    """Of the second retrain, whose version waits for a person."""


@pytest.fixture(scope="module")
def shop(
    page: Page, prefect_server: None, tmp_path_factory: pytest.TempPathFactory, exports: Path, empty_database: Path
) -> Iterator[Shop]:
    """Version 1 serves, from few candidates and a ranker that learned next to nothing; version 2 is better, passed the
    gate, and waits for a person. Where there is no browser, none of it is made."""
    del page, prefect_server
    server = Server(tmp_path_factory.mktemp("mlflow"), **CALLS_LOCALHOST, **AT_ONCE)
    server.hold(empty_database)
    server.start()
    root = real_project(tmp_path_factory.mktemp("shop"), exports)
    os.environ["MLFLOW_TRACKING_URI"] = server.uri
    better = one_weak_retriever(root)
    make_weak(root)
    assert retrain(root=root, reason="the first").version.stage == "production"
    (root / "params.yaml").write_text(better, encoding="utf-8")
    yield Shop(root, server, retrain(root=root, reason="more candidates, a better ranker"))
    server.stop()


@pytest.fixture(autouse=True)
def at_its_server(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", shop.server.uri)


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with opened_page() as page:
        yield page


@pytest.fixture(scope="module")
def pictures(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(request.config.getoption("--screenshots") or tmp_path_factory.mktemp("pictures"))


@pytest.fixture
def listener(shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """`shoprec review --listen` at work; gives the file of what it tells."""
    monkeypatch.setenv(SECRET, "0123456789abcdef")
    told, port = tmp_path / "told", free_port()
    start = f"from flows import listening; listening.SETTLE_S = {SETTLE_S}; from flows.cli import main; main()"
    options = ["review", "--listen", f"{HOST}:{port}", "--url", f"http://{HOST}:{port}/", "--root", str(shop.root)]
    with told.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-c", start, *options], stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        wait_for_text(told, holding="MLflow reaches")
        yield told
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 130
        assert Registry(shop.server.uri).client.list_webhooks() == [], "nobody listens any more"
    finally:
        process.kill()


def one_weak_retriever(root: Path) -> str:
    """So that re-ranking pays on both tasks, however few shoppers there are; gives the text of params.yaml."""
    params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    retrievers, promotion = params["candidates"], params["promotion"]
    retrievers |= {name: retrievers[name] | {"enabled": False} for name in ("item_neighbours", "user_neighbours")}
    margins = promotion["margins"]
    margins |= {name: margins[name] | {"new": NEW_ITEMS_MAY_LOSE} for name in ("recall", "judged")}
    change_params(
        root,
        root / "params.yaml",
        candidates=retrievers | {"als": retrievers["als"] | {"factors": 2}},
        promotion=promotion | {"mode": "review"},
    )
    return (root / "params.yaml").read_text(encoding="utf-8")


def make_weak(root: Path) -> None:
    params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    retrievers = params["candidates"]
    change_params(
        root,
        root / "params.yaml",
        candidates=retrievers | {name: retrievers[name] | FEW for name in ("als", "popularity")},
        ranker={task: of | WEAK_RANKER for task, of in params["ranker"].items()},
        promotion=params["promotion"] | {"mode": "auto"},
    )


def test_the_reviewer_reads_what_was_asked_and_found(shop: Shop, page: Page, pictures: Path) -> None:
    assert shop.waiting.version.stage == "staging"
    of_version = VersionPage(page, shop.server.uri, 2)
    of_version.open()
    text = of_version.text()
    assert "Decision of the gate: waits for review." in text
    assert "Judged against version 1, which served." in text
    for heading in ("What the gate asked", "Lift over the champion", "Slices of users that moved most"):
        assert heading in text
    assert "Data since version 1" in text
    assert text.count("✓ in 10: ") == 20, "lists of ten shoppers, champion and challenger"
    assert "Approve or reject" in text
    of_version.picture(pictures / "review-decision.png")
    of_version.picture(pictures / "review-lists.png", page.get_by_role("heading", name="Typical shoppers"))


def test_the_links_lead_to_the_report_and_the_data_docs(shop: Shop, page: Page) -> None:
    of_version = VersionPage(page, shop.server.uri, 2)
    for link, shown in (("report", "NDCG@10"), ("data quality", "12,104")):
        of_version.open()
        opened = of_version.follow(link)
        frame = opened.frame_locator("iframe")
        frame.get_by_text(shown).first.wait_for()
        opened.close()


def test_an_approval_in_the_ui_reaches_production_by_the_webhook(
    shop: Shop, page: Page, pictures: Path, listener: Path
) -> None:
    of_version = VersionPage(page, shop.server.uri, 2)
    of_version.open()
    for name, value in (("review", "approved"), ("reviewer", "Ada"), ("review_note", "the lists look right")):
        of_version.add_tag(name, value)
    wait_for_text(listener, holding="version 2: approved; it serves now")
    of_version.open()
    assert "champion" in of_version.text()
    assert "approved: it serves now" in of_version.row("review_answer").inner_text()
    of_version.picture(pictures / "review-answer.png", of_version.row("review"))
    registry, stages = registry_and_stages(shop)
    assert registry.marks.aliases() == {"champion": 2, "previous": 1}
    change = stages.changes()[-1]
    assert (change.who, change.why) == ("Ada", "the lists look right"), "tags that came after the decision count too"


def test_a_rejection_in_the_ui_is_carried_out_by_the_flow(shop: Shop, page: Page, tmp_path: Path) -> None:
    registry, stages = registry_and_stages(shop)
    registry.log(retrains_in(tmp_path)("another"))
    stages.move(3, "staging", "it gained", "a retrain", VERDICT | {"judged_against": 2}, 2)
    of_version = VersionPage(page, shop.server.uri, 3)
    of_version.open()
    of_version.add_tag("review_note", "garden for everybody")
    of_version.add_tag("review", "rejected")
    assert [(one.version, one.outcome) for one in review(shop.root)][-1] == (3, "rejected")
    of_version.open()
    assert "rejected" in of_version.row("stage").inner_text()
    assert registry.marks.aliases() == {"champion": 2, "previous": 1}


def registry_and_stages(shop: Shop) -> tuple[Registry, Stages]:
    registry = Registry(shop.server.uri)
    return registry, Stages(registry, Ledger(apply_settings(shop.root).ledger))
