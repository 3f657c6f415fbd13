"""Prefect's server where one is configured, and its database where not.

Prefect is not imported: that takes seconds, and makes folders.
"""

import os
from importlib.metadata import version
from pathlib import Path

import httpx

from flows.doctor.findings import Finding, fail, ok, warn
from flows.doctor.places import why_not_usable, why_not_writable
from flows.prefect_api import who_asks
from flows.settings import Settings
from tasks.addresses import without_password
from tasks.errors import ShoprecError

_LIMIT_S = 5.0
_NAME = "prefect"
_DATABASE = "PREFECT_SERVER_DATABASE_CONNECTION_URL"


def prefect(_settings: Settings) -> list[Finding]:
    """By the environment, after `read_settings`."""
    address = os.environ.get("PREFECT_API_URL")
    return [_server(address) if address else _database()]


def refuse_silent_server() -> None:
    """Raises ShoprecError where a server is configured that does not answer; Prefect would tell by a traceback.

    By the environment, after `read_settings`.
    """
    address = os.environ.get("PREFECT_API_URL")
    found = _server(address) if address else None
    if found is not None and found.outcome == "fail":
        raise ShoprecError(f"Prefect does not answer at {found.found}; {found.mend}")


def _server(address: str) -> Finding:
    where, own = without_password(address), version("prefect")
    mend = "start it, or mend PREFECT_API_URL (it ends in /api) and what it is asked with; or unset PREFECT_API_URL"
    try:
        answer = httpx.get(f"{address.rstrip('/')}/admin/version", headers=who_asks(), timeout=_LIMIT_S)
        answer.raise_for_status()
        theirs = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        return fail(_NAME, f"{where}: {error}", mend)
    if theirs != own:
        return warn(_NAME, f"{where} runs {theirs}, and here is {own}", "install the same version on both")
    return ok(_NAME, f"{where} answers, version {theirs} as here")


def _database() -> Finding:
    """Of the temporary server that a run starts."""
    if elsewhere := os.environ.get(_DATABASE):
        return ok(_NAME, f"no server; its database is {without_password(elsewhere)}, at which a run will look")
    home = Path(os.environ["PREFECT_HOME"])
    file = home / "prefect.db"
    why = why_not_usable(file, "flow_run") if file.exists() else why_not_writable(home)
    if why is None:
        state = "can be written" if file.exists() else "is made by the first run"
        return ok(_NAME, f"no server: a run starts one for itself, whose database {file} {state}")
    mend = "end who holds it; or move the file away: it holds the history of runs and nothing else, and is made anew"
    return fail(_NAME, f"{file}: {why}", mend)
