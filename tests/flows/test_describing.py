"""A version that was judged is described in MLflow before it moves, and the whole page is among its run's files."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from flows.promoting import Judged, promote
from flows.settings import Settings
from flows.steps import open_stages
from tasks.params import load_params
from tasks.promotion.gate import judge
from tasks.promotion.shoppers import Listed, Shopper
from tasks.registry.artifacts import attach, fetch_file, longest_description
from tasks.registry.registry import Registry
from tests.promotion.evidence import PARAMS, measured
from tests.registry.conftest import three_versions  # noqa: F401  # fixtures

PROJECT = Path(__file__).parents[2]
SHOPPER = Shopper("all", "262", 1, (Listed("Yogurt", True),), (Listed("Cheese", False),))


@pytest.fixture(autouse=True)
def no_passport(monkeypatch: pytest.MonkeyPatch) -> None:
    """It needs a whole project; `test_verify` has one."""
    monkeypatch.setattr("flows.promoting.made_by_retrain", lambda *_: None)
    monkeypatch.setattr("flows.promoting.issue_passport", lambda *_: "ab" * 32)


def quality(events: int, newest: str) -> Mapping[str, Any]:
    valid = {"rows": {"events": events}, "users": 2, "items": 2, "last_event": newest}
    return {"verdict": "accepted", "profile": {"valid": valid}}


@pytest.fixture
def settings(three_versions: Path, tmp_path: Path) -> Settings:  # noqa: F811
    """Version 1 serves; 2 learned from newer data, which lie in the project."""
    for folder in ("var", "reports", "data/valid"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "params.yaml").write_text((PROJECT / "params.yaml").read_text())
    (tmp_path / "var" / "mlflow.db").write_bytes(three_versions.read_bytes())
    days = pd.to_datetime(["2024-02-01", "2024-03-02"], utc=True)
    events = pd.DataFrame({"item_id": ["old", "new"], "timestamp": days})
    events.to_parquet(tmp_path / "data" / "valid" / "events.parquet")
    now = quality(1100, "2024-03-02T00:00:00+00:00")
    (tmp_path / "reports" / "data_quality.json").write_text(json.dumps(now))
    base = f"sqlite:///{tmp_path / 'var'}"
    found = Settings(tmp_path, f"{base}/mlflow.db", None, f"{base}/ledger.db", f"{base}/publications.db")
    open_stages(found, Registry(found.tracking_uri)).move(1, "production", "the first", "a retrain", {}, None)
    return found


def test_a_judged_version_tells_a_reviewer_what_to_know(settings: Settings, tmp_path: Path) -> None:
    registry = Registry(settings.tracking_uri)
    own = tmp_path / "params.yaml"
    own.write_text(own.read_text().replace("mode: auto", "mode: review"))
    params = load_params(own)
    before = tmp_path / "data_quality.json"
    before.write_text(json.dumps(quality(1000, "2024-03-01T00:00:00+00:00")))
    version = registry.marks.version(2)
    attach(registry, registry.marks.version(1).run_id, {"evaluation": [before]})
    judged = Judged(judge(replace(measured(), champion=1, challenger=2), PARAMS), 1, (SHOPPER,))

    assert promote(settings, registry, params, version, judged, "a retrain").stage == "staging"

    told = registry.client.get_model_version("shoprec", "2").description
    assert told is not None
    assert told.startswith("**Decision of the gate: waits for review.**")
    assert "Judged against version 1" in told
    assert "| events | 1,000 | 1,100 | +100 |" in told
    assert "50.0% of the items are new" in told
    assert "| 1 | ✓ `Yogurt` | `Cheese` |" in told
    assert f"/runs/{version.run_id}/artifacts/gate/review.md)" in told
    note = registry.client.get_run(version.run_id).data.tags["mlflow.note.content"]
    assert note.startswith("**Decision of the gate: waits for review.**")
    whole = fetch_file(registry, version.run_id, "gate/review.md", tmp_path / "var")
    assert whole.read_text(encoding="utf-8") == told + "\n"

    other = registry.marks.version(3)
    held = Judged(replace(judged.verdict, decision="hold", reason="no gain is shown"), 1)
    promote(settings, registry, params, other, held, "a retrain")
    told = registry.client.get_model_version("shoprec", "3").description
    assert told is not None
    assert told.startswith("**Decision of the gate: held.** no gain is shown; version 2, which passed the gate, waits")


def test_a_champion_without_a_profile_leaves_what_is_new_unknown(settings: Settings) -> None:
    registry, params = Registry(settings.tracking_uri), load_params(settings.root / "params.yaml")
    open_stages(settings, registry).move(3, "production", "by hand", "Bob", {}, 1)
    judged = Judged(judge(replace(measured(), champion=3, challenger=2), PARAMS), 3)
    assert promote(settings, registry, params, registry.marks.version(2), judged, "a retrain").stage == "production"
    told = registry.client.get_model_version("shoprec", "2").description
    assert told is not None
    assert told.startswith("**Decision of the gate: promoted.**")
    assert "What version 3 learned from is not known" in told


def test_only_a_local_database_is_known_to_hold_descriptions_of_any_length(settings: Settings) -> None:
    registry = Registry(settings.tracking_uri)
    assert longest_description(registry) is None
    registry.uri = "http://127.0.0.1:5000"
    assert longest_description(registry) == 5000
