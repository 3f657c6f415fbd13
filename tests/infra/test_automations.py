"""infra/automations.yaml: what Prefect's server makes of it, without a server."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from prefect.server.events.schemas.automations import AutomationCore
from prefect.server.utilities.user_templates import render_user_template

from tests.infra.containers import PROJECT

AUTOMATIONS = yaml.safe_load((PROJECT / "infra" / "automations.yaml").read_text(encoding="utf-8"))
PAYLOADS = [action["payload"] for one in AUTOMATIONS for action in one["actions"] if "payload" in action]
NASTY = "it \"broke\"\\ \r\n\t\x1b[31m<b>{{ 1 }} 'so'"


@pytest.mark.parametrize("payload", PAYLOADS)
def test_an_alert_is_json_whatever_a_run_says(payload: str) -> None:
    run = SimpleNamespace(id="1-2", name=NASTY, state=SimpleNamespace(name="Failed", message=NASTY * 100))
    context = {"flow": SimpleNamespace(name="retrain"), "flow_run": run}
    text = json.loads(asyncio.run(render_user_template(payload, context)))["text"]
    assert text.startswith("shoprec: ")
    assert NASTY in text or "drifted" in text
    assert len(text) < 1000


@pytest.mark.parametrize("automation", AUTOMATIONS, ids=lambda one: one["name"])
def test_prefect_takes_it_and_its_name_says_whose_it_is(automation: dict[str, Any]) -> None:
    actions = [
        {**action, "block_document_id": "00000000-0000-0000-0000-000000000000"}
        if action["type"] == "call-webhook"
        else action
        for action in automation["actions"]
    ]
    AutomationCore.model_validate({**automation, "actions": actions})
    assert automation["name"].startswith("shoprec: ")
