"""Fetch, as a run does it, where the shop's database does not answer."""

import os
from pathlib import Path

import pytest
import yaml

from flows import steps
from tasks.errors import TransientError
from tests.flows.conftest import PROJECT
from tests.ingestion.databases import END_OF_2024, VARIABLE, events_of, source_of
from tests.postgres import PASSWORD


def test_it_may_pass_so_the_run_tries_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    params["source"] = source_of(events_of(), END_OF_2024)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    monkeypatch.setenv(VARIABLE, f"postgresql://shop:{PASSWORD}@127.0.0.1:1/shop")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(PROJECT), os.environ.get("PYTHONPATH", "")]))
    lines: list[str] = []
    with pytest.raises(TransientError, match="Connection refused") as caught:
        steps.fetch(tmp_path, lines.append)
    assert PASSWORD not in f"{caught.value}{lines}"
    assert list((tmp_path / "data").iterdir()) == []
