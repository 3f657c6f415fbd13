"""`docs/your-data.md` is true: its example is run as it stands there."""

import json
import re

import yaml

from tasks.ingestion.sources import fetch
from tasks.ingestion.validation import validate
from tasks.params import CleanParams, ShopParams, SourceParams
from tests.ingestion.conftest import PROJECT, manifest

PAGE = (PROJECT / "docs" / "your-data.md").read_text(encoding="utf-8")


def block(kind: str) -> str:
    found = re.search(rf"```{kind}\n(.*?)```", PAGE, flags=re.DOTALL)
    assert found, f"docs/your-data.md has no {kind} block"
    return found[1]


def test_the_worked_example_gives_valid_events(tmp_path, suites):
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "orders-2024-01.csv").write_text(block("csv"), encoding="utf-8")
    sections = yaml.safe_load(block("yaml"))
    shop, source = ShopParams(**sections["shop"]), SourceParams(**sections["source"])
    raw = fetch(source, shop, tmp_path)
    done = validate(raw, manifest(as_of="2024-01-05T00:00:00+00:00"), suites, shop, CleanParams(**sections["clean"]))
    assert done.quality.error() is None
    events = done.tables["events"]
    assert events["user_id"].tolist() == ["K-17", "K-17", "K-23"]
    assert events["item_id"].tolist() == [4711, 4712, 4711]
    assert events["value"].tolist() == [2.49, 5.0, 2.49]
    assert str(events["timestamp"].iloc[0]) == "2024-01-02 08:15:00+00:00"


def test_it_takes_about_ten_lines():
    source = block("yaml").split("source:")[1].split("clean:")[0]
    assert len(source.strip().splitlines()) <= 10


def test_the_expectation_on_the_page_is_one_of_ours():
    shown = json.loads(block("json"))
    ours = json.loads((PROJECT / "expectations" / "raw_events.json").read_text())["expectations"]
    assert shown["meta"]["rule"] in [entry["meta"]["rule"] for entry in ours]


def test_what_a_stop_says_is_what_the_suites_say():
    says = {
        e["meta"]["says"]
        for path in (PROJECT / "expectations").glob("raw_*.json")
        for e in json.loads(path.read_text())["expectations"]
    }
    told = re.findall(r"^\| (the .*?|there .*?) \|", PAGE.split("## When it stops")[1], flags=re.MULTILINE)
    assert len(told) == 3
    assert set(told) <= says
