"""MLflow's webhook, answered: what a reviewer decides in MLflow is carried out at once, not at the next look.

The flow `review` runs in a process of its own, so whatever befalls it, the next call is answered; what was missed the
deployment `review` finds.
"""

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING

import uvicorn
from fastapi import FastAPI, Request, Response

from flows.production import open_registry
from flows.settings import Settings
from tasks.errors import ShoprecError
from tasks.versioning.process import OnLine, run_module

if TYPE_CHECKING:
    from tasks.registry.registry import Registry

SECRET = "SHOPREC_WEBHOOK_SECRET"
"""Environment variable: what MLflow signs its calls with."""
_SHORTEST_SECRET = 16
SETTLE_S = 15.0
"""A reviewer sets the decision, a note and a name one after the other: no later tag for so long, and it is done."""
_LARGEST_BODY = 1 << 20


def listen(settings: Settings, host: str, port: int, url: str, tell: OnLine, settle_s: float = SETTLE_S) -> None:
    """Until Ctrl-C: answers on `host` and `port` what MLflow sends to `url`, and reviews `settle_s` after the last tag.

    Raises ShoprecError where there is no secret, nothing can listen there, MLflow does not take the webhook, or reviews
    cannot go on; `tell` gets what happens.
    """
    secret = _secret()
    registry = open_registry(settings)
    from tasks.registry.webhook import subscribe, unsubscribe, why_not_reached

    with _bound(host, port) as bound:  # before MLflow is told to call here
        webhook = subscribe(registry, url, secret)
        asked = Asked(lambda: _review(settings, tell), settle_s)
        server = uvicorn.Server(uvicorn.Config(_app(registry, secret, asked), log_level="warning"))

        def try_out() -> None:
            while not server.started:
                time.sleep(0.1)
            try:
                why = why_not_reached(registry, webhook)
            except ShoprecError as error:
                why = str(error)
            tell(f"MLflow cannot reach {url}: {why}" if why else f"MLflow reaches {url}; waiting for reviewers")

        def work() -> None:
            try:
                asked.work()
            finally:
                server.should_exit = True  # who answers without reviewing would be believed

        asked.soon()  # for what was decided while nobody listened
        for job in (try_out, work):
            Thread(target=job, daemon=True).start()
        tell(f"listening on http://{host}:{port}; Ctrl-C ends it")
        try:
            server.run(sockets=[bound])
        finally:
            unsubscribe(registry, webhook, url)
    raise ShoprecError("reviews could not go on: see above, then start again")


@contextmanager
def _bound(host: str, port: int) -> Iterator[socket.socket]:
    try:
        bound = socket.create_server((host, port))
    except OSError as error:
        raise ShoprecError(
            f"nothing can listen on {host}:{port} ({error.strerror}): name another port, or end what holds it"
        ) from error
    with bound:
        yield bound


class Asked:
    """Calls `act` after each burst of calls of `soon`: once, `settle_s` after the last of them."""

    def __init__(self, act: Callable[[], None], settle_s: float) -> None:
        self._act, self._settle_s, self._waiting = act, settle_s, Event()

    def soon(self) -> None:
        self._waiting.set()

    def work(self) -> None:
        """For a thread of its own; ends only by an error of `act`."""
        while True:
            self._waiting.wait()
            while self._waiting.is_set():
                self._waiting.clear()
                time.sleep(self._settle_s)
            self._act()


def _app(registry: "Registry", secret: str, asked: Asked) -> FastAPI:
    from tasks.registry.webhook import is_of_a_review, is_signed

    app = FastAPI(openapi_url=None)

    @app.get("/health")
    def health() -> str:  # pyright: ignore[reportUnusedFunction]  # FastAPI calls it
        return "ok"

    @app.post("/")
    async def called(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > _LARGEST_BODY:
                return Response(status_code=413)
        if not is_signed(secret, request.headers, bytes(body), time.time()):
            return Response("not signed with the secret, or too long ago", status_code=401)
        if is_of_a_review(bytes(body), registry.name):
            asked.soon()
        return Response(status_code=202)

    return app


def _review(settings: Settings, tell: OnLine) -> None:
    done = run_module("flows.review", [str(settings.root)], settings.root, tell, dict(os.environ))
    if done.code:
        tell(f"the review ended with exit code {done.code}; the next tag, or the deployment `review`, tries again")


def _secret() -> str:
    secret = os.environ.get(SECRET, "")
    if len(secret) < _SHORTEST_SECRET:
        raise ShoprecError(
            f"set {SECRET} to a secret of {_SHORTEST_SECRET} characters or more, so that nobody but MLflow is heard;"
            " `openssl rand -hex 32` makes one"
        )
    return secret
