"""One comment on a pull request, by GitHub's REST API: written the first time, and changed from then on."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from flows.ci.page import MARKER
from tasks.errors import ShoprecError, TransientError

BOT = "github-actions[bot]"
"""Who comments with the token that GitHub gives a workflow."""
LONGEST = 65_536
"""Characters that GitHub takes in a comment."""
_CUT = "\n\n*Cut to what GitHub can hold; the whole is among the files of the run.*\n"
_PAGE, _TIMEOUT_S = 100, 30.0
_OF_A_PULL_REQUEST = re.compile(r"refs/pull/(\d+)/")
_MEND = {
    401: "GitHub does not know the token: see that GITHUB_TOKEN is set, whole, and not expired",
    403: "the token may not comment here: the job needs `permissions: pull-requests: write`, and of a pull request from"
    " a fork no token has it; show the file in the job's summary instead",
    404: "there is no such repository or pull request, or the token may not see it",
    422: "GitHub does not take such a comment",
}


@dataclass(frozen=True)
class PullRequest:
    repository: str
    """`owner/name`."""
    number: int
    api: str
    """Address of GitHub's REST API; a server of one's own has another."""
    token: str


def pull_request(number: int | None) -> PullRequest:
    """From the environment, as GitHub Actions sets it. Raises ShoprecError, naming the variable that is missing."""
    repository, token = (_variable(name) for name in ("GITHUB_REPOSITORY", "GITHUB_TOKEN"))
    of_ref = _OF_A_PULL_REQUEST.match(os.environ.get("GITHUB_REF", ""))
    if number is None and of_ref is None:
        raise ShoprecError(
            f"GITHUB_REF is '{os.environ.get('GITHUB_REF', '')}', which names no pull request: name it with --pull"
        )
    api = os.environ.get("GITHUB_API_URL") or "https://api.github.com"
    return PullRequest(repository, number or int(of_ref[1] if of_ref else 0), api.rstrip("/"), token)


def comment(pull: PullRequest, body: str, author: str = BOT) -> str:
    """The address of the comment. To be tried again after a TransientError: it looks first for what it wrote before.

    A comment of `author` that begins with `MARKER` is changed; one of anybody else never is, whatever it begins with.
    Raises ShoprecError where GitHub refuses.
    """
    text = shortened(body if body.startswith(MARKER) else f"{MARKER}\n\n{body}")
    headers = {
        "Authorization": f"Bearer {pull.token}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    with httpx.Client(headers=headers, timeout=_TIMEOUT_S) as client:
        comments = f"{pull.api}/repos/{pull.repository}/issues/{pull.number}/comments"
        mine = next((found["id"] for found in _all(client, comments) if _is_ours(found, author)), None)
        if mine is None:
            done = _ask(client, "POST", comments, json={"body": text})
        else:
            one = f"{pull.api}/repos/{pull.repository}/issues/comments/{mine}"
            done = _ask(client, "PATCH", one, json={"body": text})
        return done.json()["html_url"]


def shortened(body: str) -> str:
    return body if len(body) <= LONGEST else body[: LONGEST - len(_CUT)] + _CUT


def _all(client: httpx.Client, address: str) -> Iterator[dict[str, Any]]:
    page = 1
    while True:
        answer = _ask(client, "GET", address, params={"per_page": _PAGE, "page": page})
        yield from answer.json()
        if "next" not in answer.links:
            return
        page += 1


def _is_ours(found: dict[str, Any], author: str) -> bool:
    return (found.get("user") or {}).get("login") == author and (found.get("body") or "").startswith(MARKER)


def _ask(client: httpx.Client, method: str, address: str, **more: Any) -> httpx.Response:
    try:
        answer = client.request(method, address, **more)
    except httpx.TransportError as error:
        raise TransientError(f"GitHub did not answer at {address}: {error}") from error
    if answer.is_success:
        return answer
    told = f"GitHub answers {method} {address} with {answer.status_code}: {_said(answer)}"
    if answer.status_code == 429 or answer.status_code >= 500 or _is_rate_limit(answer):
        raise TransientError(told)
    raise ShoprecError(f"{told}\n{_MEND.get(answer.status_code, 'see the address and the name of the repository')}")


def _is_rate_limit(answer: httpx.Response) -> bool:
    """GitHub tells its limits by 403 as well."""
    headers = answer.headers
    return answer.status_code == 403 and ("retry-after" in headers or headers.get("x-ratelimit-remaining") == "0")


def _said(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:200]


def _variable(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise ShoprecError(f"{name} is not set: GitHub Actions sets it, and GITHUB_TOKEN has to be given to the step")
    return value
