"""MLflow's webhook at a listener: a real server, a real HTTP call for every tag."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import httpx
import pytest
import uvicorn

from flows.listening import SECRET, Asked, _app, listen
from flows.settings import apply_settings
from tasks.errors import ShoprecError
from tasks.registry.registry import Registry
from tasks.registry.webhook import TITLE, subscribe, why_not_reached
from tests.flows.mlflow_server import CALLS_LOCALHOST, HOST, Server, free_port
from tests.registry.conftest import retrains_in

PASSWORD = "0123456789abcdef"


class Counted(Asked):
    """Notes when it was asked; does nothing."""

    def __init__(self) -> None:
        super().__init__(lambda: None, 0.0)
        self.asked = 0

    def soon(self) -> None:
        self.asked += 1


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("mlflow"), **CALLS_LOCALHOST)
    server.hold(empty_database)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def registry(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Registry:
    os.environ["MLFLOW_TRACKING_URI"] = server.uri
    registry = Registry(server.uri)
    registry.log(retrains_in(tmp_path_factory.mktemp("made"))())
    return registry


@pytest.fixture
def listener(registry: Registry) -> Iterator[tuple[str, Counted]]:
    counted, port = Counted(), free_port()
    web = uvicorn.Server(uvicorn.Config(_app(registry, PASSWORD, counted), host=HOST, port=port, log_level="error"))
    thread = Thread(target=web.run, daemon=True)
    thread.start()
    until(lambda: web.started)
    yield f"http://{HOST}:{port}/", counted
    web.should_exit = True
    thread.join()


def until(true, seconds: float = 60) -> None:  # noqa: ANN001
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def test_a_tag_of_a_reviewer_is_heard_and_others_are_not(registry: Registry, listener: tuple[str, Counted]) -> None:
    url, counted = listener
    webhook = subscribe(registry, url, PASSWORD)
    assert why_not_reached(registry, webhook) is None
    assert counted.asked == 0, "that was a trial"
    for name in ("stage", "review_answer", "review_note"):
        registry.client.set_model_version_tag("shoprec", "1", name, "x")
    until(lambda: counted.asked)
    time.sleep(0.5)
    assert counted.asked == 1


def test_who_subscribes_again_takes_the_place_of_the_first(registry: Registry, listener: tuple[str, Counted]) -> None:
    url, _ = listener
    assert subscribe(registry, "http://127.0.0.1:9/", "another secret!!") == subscribe(registry, url, PASSWORD)
    assert [hook.url for hook in registry.client.list_webhooks() if hook.name == TITLE] == [url]


def test_another_secret_is_told_as_what_mlflow_was_answered(registry: Registry, listener: tuple[str, Counted]) -> None:
    url, counted = listener
    why = why_not_reached(registry, subscribe(registry, url, "another secret!!"))
    assert why is not None
    assert "401" in why
    assert counted.asked == 0


def test_where_nobody_listens_it_is_told(registry: Registry) -> None:
    assert why_not_reached(registry, subscribe(registry, f"http://{HOST}:{free_port()}/", PASSWORD))


def test_strangers_are_not_heard(listener: tuple[str, Counted]) -> None:
    url, counted = listener
    assert httpx.post(url, content=b'{"data": {"name": "shoprec", "key": "review"}}').status_code == 401
    assert httpx.post(url, content=b"x" * (2 << 20)).status_code == 413
    assert httpx.get(url).status_code == 405
    assert httpx.get(f"{url}health").status_code == 200
    assert counted.asked == 0


def test_an_address_that_the_server_does_not_take_is_told(registry: Registry) -> None:
    with pytest.raises(ShoprecError, match="Invalid webhook URL scheme"):
        subscribe(registry, "ftp://example.com", PASSWORD)


def test_a_burst_of_tags_is_one_review() -> None:
    acted: list[float] = []
    asked = Asked(lambda: acted.append(time.monotonic()), settle_s=0.5)
    Thread(target=asked.work, daemon=True).start()
    for _ in range(4):
        asked.soon()
        time.sleep(0.2)
    last = time.monotonic()
    until(lambda: acted)
    time.sleep(0.8)
    assert len(acted) == 1
    assert acted[0] > last - 0.2
    asked.soon()
    until(lambda: len(acted) == 2)


@pytest.mark.parametrize("secret", ["", "short"])
def test_without_a_secret_nobody_listens(secret: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET, secret)
    with pytest.raises(ShoprecError, match="openssl rand"):
        listen(apply_settings(tmp_path), HOST, free_port(), "https://example.com", print)
