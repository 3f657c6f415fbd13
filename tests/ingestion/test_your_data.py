"""What `docs/your-data.md` and `README.md` say to write is run as it stands there."""

import json
import re
from datetime import UTC, datetime

import yaml

from tasks.ingestion.landing import as_of_instant, land_written
from tasks.ingestion.sources import fetch, writer
from tasks.ingestion.storage import read_tables
from tasks.ingestion.validation import validate
from tasks.params import load_params
from tasks.params.shop import ShopParams
from tasks.params.source import CleanParams, SourceParams
from tests.ingestion.conftest import PROJECT, manifest
from tests.ingestion.databases import run_sql

PAGE = (PROJECT / "docs" / "your-data.md").read_text(encoding="utf-8")


README = (PROJECT / "README.md").read_text(encoding="utf-8").split("## Bring your own data")[1].split("\n## ")[0]


def block(kind: str, page: str = PAGE) -> str:
    found = re.search(rf"```{kind}\n(.*?)```", page, flags=re.DOTALL)
    assert found, f"there is no {kind} block in {page[:60]}"
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


def test_the_worked_queries_give_valid_events(tmp_path, suites, monkeypatch):
    """On SQLite, which takes the same SQL."""
    section = PAGE.split("## From a database")[1].split("\n## ")[0]
    address = f"sqlite:///{tmp_path / 'shop.db'}"
    (tmp_path / "shop.db").touch()
    for statement in (
        "CREATE TABLE orders (id INTEGER, customer TEXT, bought_at TEXT, status TEXT)",
        "CREATE TABLE lines (id INTEGER, order_id INTEGER, sku INTEGER, pieces INTEGER, paid REAL)",
        "CREATE TABLE products (sku INTEGER, name TEXT, department TEXT)",
        "INSERT INTO orders VALUES (1, 'K-17', '2024-01-02 09:15', 'sent'), (2, 'K-23', '2024-01-03', 'cancelled')",
        "INSERT INTO lines VALUES (1, 1, 4711, 1, 2.49)",
        "INSERT INTO lines VALUES (2, 1, 4712, 1, 5.49), (2, 1, 4712, 1, 5.49), (3, 2, 4712, 1, 1)",
        "INSERT INTO products VALUES (4711, 'Milk', 'FOOD'), (4712, 'Soap', 'CARE')",
    ):
        run_sql(address, statement)
    monkeypatch.setenv("SHOPREC_SOURCE", address)
    sections = yaml.safe_load(block("yaml", section))
    shop, source = ShopParams(**sections["shop"]), SourceParams(**sections["source"])
    as_of = datetime(2024, 1, 5, tzinfo=UTC)
    raw = tmp_path / "raw"
    _, written = land_written(writer(source, shop, tmp_path, raw, as_of), tmp_path / "none", raw, as_of, "sql")
    assert written.rows == {"events": 2, "items": 2}
    tables = read_tables(raw)
    assert tables["events"]["timestamp"].astype("str").tolist() == ["2024-01-02 08:15:00+00:00"] * 2
    clean = CleanParams(**sections["clean"])
    done = validate(tables, manifest(as_of=as_of.isoformat()), suites, shop, clean)
    assert done.quality.error() is None
    assert done.tables["events"]["item_id"].tolist() == [4711, 4712]


def test_readmes_sections_in_place_of_ours_give_valid_events(tmp_path, suites):
    """All other params stay; the export is what the block says of it, in a file a month and local times."""
    (tmp_path / "exports").mkdir()
    header = "customer;sku;ordered_at;qty;total"
    for month, row in (("01", "K-17;007;31.01.2024 23:30;2;5.00"), ("02", "K-23;008;01.02.2024 00:15;1;2.49")):
        (tmp_path / "exports" / f"orders-2024-{month}.csv").write_text(f"{header}\n{row}\n", encoding="utf-8")
    ours = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    theirs = yaml.safe_load(block("yaml", README))
    assert set(theirs) == {"shop", "source", "clean"}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(ours | theirs), encoding="utf-8")
    params = load_params(tmp_path / "params.yaml")
    raw = fetch(params.source, params.shop, tmp_path)
    done = validate(raw, manifest(as_of="2024-02-02T00:00:00+00:00"), suites, params.shop, params.clean)
    assert done.quality.error() is None
    assert done.quality.kept == {"events": 2}
    events = done.tables["events"].astype({"timestamp": "str"})
    assert events[["user_id", "item_id", "event_type", "timestamp", "quantity", "value"]].to_numpy().tolist() == [
        ["K-17", "007", "purchase", "2024-01-31 22:30:00+00:00", 2, 5.0],
        ["K-23", "008", "purchase", "2024-01-31 23:15:00+00:00", 1, 2.49],
    ]
    assert events["session_id"].tolist() == ["K-17@2024-01-31", "K-23@2024-02-01"]


def test_an_old_export_is_taken_with_the_line_that_readme_says_to_add():
    line = re.search(r"`(as_of: .*?)`", README)
    assert line
    source = yaml.safe_load(block("yaml", README))["source"] | yaml.safe_load(line[1])
    assert as_of_instant(SourceParams(**source), datetime.now(UTC)) == datetime(2024, 3, 1, tzinfo=UTC)


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
