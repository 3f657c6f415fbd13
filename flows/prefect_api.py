"""Prefect's server asked over HTTP, without importing prefect, which takes seconds."""

import os
from base64 import b64encode
from typing import Any

import httpx

from tasks.addresses import without_password
from tasks.errors import ShoprecError, TransientError

LIMIT_S = 30.0
_BUSY = (429, 502, 503, 504)
"""Its database is locked, or it is starting."""


def who_asks() -> dict[str, str]:
    """As Prefect's own client says it."""
    if key := os.environ.get("PREFECT_API_KEY"):
        return {"Authorization": f"Bearer {key}"}
    if pair := os.environ.get("PREFECT_API_AUTH_STRING"):
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
    return {}


def ask(api: str, method: str, path: str, body: Any = None) -> Any:
    """What it answers, read from JSON; None where the answer is empty.

    `api`: the address of its API, which ends in /api. Raises TransientError where it does not answer or is too busy,
    ShoprecError where it refuses.
    """
    try:
        answer = httpx.request(method, f"{api.rstrip('/')}{path}", json=body, headers=who_asks(), timeout=LIMIT_S)
        answer.raise_for_status()
    except httpx.HTTPStatusError as error:
        kind = TransientError if error.response.status_code in _BUSY else ShoprecError
        raise kind(f"Prefect at {without_password(api)} refuses {path}: {error.response.text[:500]}") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise TransientError(
            f"Prefect does not answer at {without_password(api)} ({error}): start it with `make up`, or mend"
            " PREFECT_API_URL"
        ) from error
    return answer.json() if answer.content else None
