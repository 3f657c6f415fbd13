"""Deployments and automations on a Prefect server, from two files in infra/; done again, it changes what differs."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from flows.operations.services import POOL
from flows.patience import patiently
from flows.prefect_api import ask
from tasks.errors import ShoprecError
from tasks.versioning.process import OnLine

DEPLOYMENTS, AUTOMATIONS = "infra/prefect.yaml", "infra/automations.yaml"
ALERTS = "SHOPREC_ALERTS_URL"
"""Environment variable: where alerts are posted, as JSON with a `text`. It is a secret, so it stands in no file."""
_BLOCK = "shoprec-alerts"
_OURS = "shoprec: "
"""Begins the name of every automation of ours."""
_LAST_LINES = 15


def register(root: Path, api: str, tell: OnLine) -> None:
    """The worker finds the project in `SHOPREC_ROOT`, where that is set, and in `root` else.

    Raises ShoprecError where a file is missing or Prefect refuses it.
    """
    for name in (DEPLOYMENTS, AUTOMATIONS):
        if not (root / name).is_file():
            raise ShoprecError(
                f"{root / name} is missing: it says what is registered; copy it from shoprec's own project"
            )
    _prefect(root, api, "work-pool", "create", POOL, "--type", "process", "--overwrite")
    _prefect(root, api, "deploy", "--all", "--prefect-file", DEPLOYMENTS)
    names = [entry["name"] for entry in yaml.safe_load((root / DEPLOYMENTS).read_text(encoding="utf-8"))["deployments"]]
    tell(f"deployments are registered: {', '.join(names)}")
    block = _alerts_block(api)
    wanted = [_with_alerts(one, block) for one in yaml.safe_load((root / AUTOMATIONS).read_text(encoding="utf-8"))]
    for automation in wanted:
        patiently(lambda automation=automation: _put(api, automation), tell)
    patiently(lambda: _remove_others(api, {automation["name"] for automation in wanted}), tell)
    where = "are posted" if block else f"go nowhere: set {ALERTS} to a webhook's address and do this again"
    tell(f"automations are registered; alerts {where}")


def _with_alerts(automation: Mapping[str, Any], block: str | None) -> dict[str, Any]:
    """Its actions that post an alert get the block that knows where; without one they are left out."""
    actions = []
    for action in automation["actions"]:
        if action["type"] != "call-webhook":
            actions.append(action)
        elif block is not None:
            actions.append({**action, "block_document_id": block})
    return {**automation, "actions": actions}


def _put(api: str, automation: Mapping[str, Any]) -> None:
    """One of this name is what it is afterwards, and no second one; none where there is nothing that it would do.

    One that is so already is not written again: Prefect would forget what it waits for.
    """
    asked = {"automations": {"name": {"any_": [automation["name"]]}}}
    found = ask(api, "POST", "/automations/filter", asked)
    wanted = int(bool(automation["actions"]))
    if wanted and not found:
        ask(api, "POST", "/automations/", dict(automation))
    for known in found[:wanted]:
        if not _is_same(known, automation):
            ask(api, "PUT", f"/automations/{known['id']}", dict(automation))
    for twice in found[wanted:]:
        ask(api, "DELETE", f"/automations/{twice['id']}")


def _is_same(known: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    from prefect.events.schemas.automations import AutomationCore

    one, other = (
        AutomationCore.model_validate({k: of[k] for k in AutomationCore.model_fields if k in of})
        for of in (known, wanted)
    )
    return one == other


def _remove_others(api: str, names: set[str]) -> None:
    """Of those that an earlier file had."""
    for known in ask(api, "POST", "/automations/filter", {"limit": 200}):
        if known["name"].startswith(_OURS) and known["name"] not in names:
            ask(api, "DELETE", f"/automations/{known['id']}")


def _alerts_block(api: str) -> str | None:
    """Prefect keeps the address in a block, encrypted; where the variable is not set, what is kept stays.

    None where there is none, or the variable is set to nothing.
    """
    address = os.environ.get(ALERTS)
    if address is None:
        kept = ask(api, "POST", "/block_documents/filter", {"block_documents": {"name": {"any_": [_BLOCK]}}})
        return kept[0]["id"] if kept else None
    if not address:
        return None
    if not address.startswith(("http://", "https://")):
        raise ShoprecError(f"{ALERTS} is no address that begins with https:// or http://: alerts are posted to it")
    from prefect.blocks.webhook import Webhook
    from prefect.settings import PREFECT_API_URL, temporary_settings
    from prefect.types import SecretDict
    from pydantic import SecretStr

    block = Webhook(url=SecretStr(address), headers=SecretDict({"content-type": "application/json"}))
    with temporary_settings({PREFECT_API_URL: api}):
        return str(block.save(_BLOCK, overwrite=True))


def _prefect(root: Path, api: str, *arguments: str) -> None:
    env = {"SHOPREC_ROOT": str(root)} | os.environ | {"PREFECT_API_URL": api}
    command = [sys.executable, "-m", "prefect", "--no-prompt", *arguments]
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        words = "\n".join((done.stdout + done.stderr).splitlines()[-_LAST_LINES:])
        raise ShoprecError(f"`prefect {' '.join(arguments)}` failed in {root}:\n{words}")
