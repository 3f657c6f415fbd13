"""The comment on a pull request, against a server that answers as GitHub does."""

import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest

from flows import patience
from flows.ci.github import BOT, LONGEST, comment, pull_request
from flows.ci.page import MARKER
from flows.cli import main
from tasks.errors import ShoprecError, TransientError
from tests.flows.mlflow_server import free_port

TOKEN = "ghs_of-the-test"
ONE = re.compile(r"/repos/ada/shop/issues/comments/(\d+)")
ALL = "/repos/ada/shop/issues/7/comments"


class GitHub:
    """The comments of one pull request; `faults` are answered first, one a call, before anything is looked at."""

    def __init__(self) -> None:
        self.comments: list[dict[str, Any]] = []
        self.faults: list[tuple[int, dict[str, str]]] = []
        self.written_all_the_same = False
        """Whether a call that is answered by a fault has its effect, as where only the answer was lost."""
        self.calls: list[str] = []
        outer = self

        class Handler(_Handler):
            github = outer

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def hold(self, login: str, body: str) -> dict[str, Any]:
        number = len(self.comments) + 1
        address = f"https://github.example/ada/shop/pull/7#issuecomment-{number}"
        self.comments.append({"id": number, "user": {"login": login}, "body": body, "html_url": address})
        return self.comments[-1]


class _Handler(BaseHTTPRequestHandler):
    github: GitHub

    def do_GET(self) -> None:  # noqa: N802  # http.server names it
        if self._refused():
            return
        asked = parse_qs(urlparse(self.path).query)
        page, size = int(asked["page"][0]), int(asked["per_page"][0])
        shown = self.github.comments[(page - 1) * size : page * size]
        more = page * size < len(self.github.comments)
        link = {"Link": f'<{self.github.address}{ALL}?page={page + 1}>; rel="next"'} if more else {}
        self._answer(200, shown, link)

    def do_POST(self) -> None:  # noqa: N802
        body = self._body()
        if self._refused(lambda: self.github.hold(BOT, body)):
            return
        self._answer(201, self.github.hold(BOT, body))

    def do_PATCH(self) -> None:  # noqa: N802
        body, found = self._body(), ONE.fullmatch(self.path)
        if self._refused():
            return
        assert found is not None
        one = self.github.comments[int(found[1]) - 1]
        one["body"] = body
        self._answer(200, one)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def _body(self) -> str:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]

    def _refused(self, effect: Any = None) -> bool:
        self.github.calls.append(f"{self.command} {urlparse(self.path).path}")
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self._answer(401, {"message": "Bad credentials"})
            return True
        if urlparse(self.path).path != ALL and not ONE.fullmatch(self.path):
            self._answer(404, {"message": "Not Found"})
            return True
        if not self.github.faults:
            return False
        if effect and self.github.written_all_the_same:
            effect()
        code, headers = self.github.faults.pop(0)
        self._answer(code, {"message": f"fault {code}"}, headers)
        return True

    def _answer(self, code: int, found: Any, headers: dict[str, str] | None = None) -> None:
        content = json.dumps(found).encode()
        self.send_response(code)
        for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHub]:
    """With the environment of a workflow that was started by pull request 7."""
    server = GitHub()
    environment = {
        "GITHUB_API_URL": server.address,
        "GITHUB_REPOSITORY": "ada/shop",
        "GITHUB_REF": "refs/pull/7/merge",
        "GITHUB_TOKEN": TOKEN,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    yield server
    server.close()


def command(monkeypatch: pytest.MonkeyPatch, file: Path, *more: str) -> int:
    monkeypatch.setattr(patience, "WAITS_S", (0.0, 0.0, 0.0))
    monkeypatch.setattr("sys.argv", ["shoprec", "ci", "comment", "--file", str(file), *more])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_the_first_page_is_written_and_the_next_one_takes_its_place(
    github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "comment.md"
    for text in ("first", "second"):
        page.write_text(f"{MARKER}\n\n{text}")
        assert command(monkeypatch, page) == 0
        assert capsys.readouterr().out.strip() == "https://github.example/ada/shop/pull/7#issuecomment-1"
    assert [found["body"] for found in github.comments] == [f"{MARKER}\n\nsecond"]


def test_it_is_found_beyond_the_first_hundred(github: GitHub) -> None:
    for n in range(150):
        github.hold("ada", f"comment {n}")
    ours = github.hold(BOT, f"{MARKER}\n\nold")
    comment(pull_request(None), f"{MARKER}\n\nnew")
    assert ours["body"] == f"{MARKER}\n\nnew"
    assert len(github.comments) == 151


def test_what_others_wrote_is_left_alone_though_it_begins_alike(github: GitHub) -> None:
    theirs = github.hold("mallory", f"{MARKER}\n\nthe gate promotes this change")
    quoted = github.hold(BOT, f"> {MARKER}")
    comment(pull_request(None), "page")
    assert theirs["body"].endswith("the gate promotes this change")
    assert quoted["body"] == f"> {MARKER}"
    assert github.comments[-1]["body"] == f"{MARKER}\n\npage", "with a mark, so that it is found"


@pytest.mark.parametrize(
    "fault", [(502, {}), (429, {}), (403, {"Retry-After": "1"}), (403, {"X-RateLimit-Remaining": "0"})]
)
def test_what_may_pass_is_tried_again(
    github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: tuple[int, dict[str, str]]
) -> None:
    (tmp_path / "comment.md").write_text(MARKER)
    github.faults = [fault, fault]
    assert command(monkeypatch, tmp_path / "comment.md") == 0
    assert len(github.comments) == 1


def test_an_answer_that_was_lost_does_not_make_two_comments(
    github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "comment.md").write_text(MARKER)
    github.written_all_the_same = True

    def fault_at_post(self: _Handler) -> str:
        github.faults = [(502, {})] if len(github.calls) == 1 else []
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]

    monkeypatch.setattr(_Handler, "_body", fault_at_post)
    assert command(monkeypatch, tmp_path / "comment.md") == 0
    assert [call.partition(" ")[0] for call in github.calls] == ["GET", "POST", "GET", "PATCH"]
    assert len(github.comments) == 1


@pytest.mark.parametrize(
    ("env", "faults", "words"),
    [
        ({"GITHUB_TOKEN": "other"}, [], "401: Bad credentials\nGitHub does not know the token"),
        ({}, [(403, {})], "needs `permissions: pull-requests: write`, and of a pull request from a fork"),
        ({"GITHUB_REPOSITORY": "ada/none"}, [], "404: Not Found\nthere is no such repository or pull request"),
        ({"GITHUB_REF": "refs/heads/main"}, [], "names no pull request: name it with --pull"),
        ({"GITHUB_TOKEN": ""}, [], "GITHUB_TOKEN is not set"),
    ],
)
def test_what_github_refuses_is_told_at_once(
    github: GitHub,
    monkeypatch: pytest.MonkeyPatch,
    env: dict[str, str],
    faults: list[tuple[int, dict[str, str]]],
    words: str,
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    github.faults = faults
    with pytest.raises(ShoprecError) as refused:
        comment(pull_request(None), "page")
    assert words in str(refused.value)
    assert not isinstance(refused.value, TransientError)
    assert TOKEN not in str(refused.value)
    assert not github.comments


@pytest.mark.usefixtures("github")
def test_nobody_at_the_address_may_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_API_URL", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(TransientError, match="GitHub did not answer"):
        comment(pull_request(9), "page")


def test_a_page_longer_than_github_takes_is_cut_and_says_so(github: GitHub) -> None:
    comment(pull_request(7), MARKER + "x" * LONGEST)
    assert len(github.comments[0]["body"]) == LONGEST
    assert github.comments[0]["body"].endswith("the whole is among the files of the run.*\n")
