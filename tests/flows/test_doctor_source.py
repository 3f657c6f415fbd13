"""What `shoprec doctor` says of a shop's database; of other sources it says nothing."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.doctor import CHECKS, Finding
from flows.doctor.findings import guarded
from flows.settings import read_settings
from tests.flows.conftest import PROJECT
from tests.ingestion.databases import END_OF_2024, ORDERS, VARIABLE, events_of, make_orders, source_of
from tests.postgres import PASSWORD, Postgres


def found(root: Path, source: dict[str, Any]) -> list[Finding]:
    params = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8")) | {"source": source}
    (root / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    return guarded("source", CHECKS["source"], read_settings(root))


def test_a_database_is_asked_whether_it_answers_and_takes_the_queries(
    tmp_path: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = postgres.new_database("examined")
    make_orders(address, 10, 1)
    monkeypatch.setenv(VARIABLE, address)
    (well,) = found(tmp_path, source_of(events_of(), END_OF_2024))
    assert well.outcome == "ok"
    assert "/examined answers, and its columns fit all 1 queries" in well.found
    (mistyped,) = found(tmp_path, source_of(events_of(f"{ORDERS}_"), END_OF_2024))
    assert mistyped.outcome == "fail"
    assert 'relation "orders_" does not exist' in mistyped.found
    monkeypatch.setenv(VARIABLE, address.replace(str(postgres.port), "1"))
    (gone,) = found(tmp_path, source_of(events_of(), END_OF_2024))
    assert gone.outcome == "fail"
    assert "Connection refused" in gone.found
    monkeypatch.delenv(VARIABLE)
    (unnamed,) = found(tmp_path, source_of(events_of(), END_OF_2024))
    assert "is not set" in unnamed.found
    assert PASSWORD not in f"{well}{mistyped}{gone}{unnamed}"


def test_of_other_sources_nothing_is_said(tmp_path: Path) -> None:
    assert found(tmp_path, {"adapter": "complete_journey"}) == []
    shutil.rmtree(tmp_path)
    assert guarded("source", CHECKS["source"], read_settings(tmp_path)) == []
