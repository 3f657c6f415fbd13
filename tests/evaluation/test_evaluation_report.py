"""The page: whole, offline, honest, and about the numbers that were saved."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tasks.errors import ShoprecError
from tasks.evaluation.evidence import Evidence
from tasks.evaluation.judgement import evaluate
from tasks.evaluation.report import render_report
from tasks.ingestion.quality import Check, Quality, Removal
from tasks.ingestion.suites import Expectation
from tasks.params.evaluation import EvaluationParams

QUALITY = Quality(
    source="files",
    as_of="2024-03-11T00:00:00+00:00",
    read={"events": 1000},
    kept={"events": 970},
    checks=(
        Check("events", Expectation("ids", "expect_column_values_to_not_be_null", {}, "every user is known"), "passed"),
        Check("events", Expectation("size", "expect_column_values_to_be_between", {}, "quantity > 0"), "quarantined"),
    ),
    removals=(
        Removal("events", "size", "quantity is <0>", 10, "contract"),
        Removal("events", "repeated", "an exact repetition", 20, "cleaning"),
    ),
)
EXAMPLES = [
    {
        "task": "all",
        "user_id": 7001,
        "recent": ["Milk"],
        "recommended": [{"rank": 1, "title": "</script><b>Bread</b>", "category": None, "bought": True}],
        "bought": ["</script><b>Bread</b>", "Jam"],
        "hits": 1,
    }
]


@dataclass(frozen=True)
class Stage:
    name: str
    skipped: bool
    seconds: float
    peak_mib: float


class Page(HTMLParser):
    """Text in order, and every attribute that a browser loads from."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.text: list[str] = []
        self.tags: list[str] = []
        self.inside = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.inside = tag
        loading = {"src", "srcset", "data", "poster", "action", "background"} | ({"href"} if tag == "link" else set())
        self.loads += [str(value) for name, value in attrs if name in loading]

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside not in ("script", "style", "title") and data.strip():
            self.text.append(data.strip())


@pytest.fixture
def reports(evidence: Evidence, params: EvaluationParams, tmp_path: Path) -> Path:
    evaluate(evidence, params).save(tmp_path)
    (tmp_path / "data_quality.json").write_text(json.dumps(QUALITY.as_dict()))
    (tmp_path / "examples.json").write_text(json.dumps(EXAMPLES))
    return tmp_path


STAGES = [Stage("validate", True, 0.5, 90.0), Stage("rerank", False, 75.0, 2048.0)]


def test_the_page_refers_to_nothing_on_the_network(reports: Path) -> None:
    html = render_report(reports, STAGES, {"registry version": "3"})
    assert Page(html).loads == []
    assert set(re.findall(r"https?://([\w.]+)", html)) == {"www.w3.org"}  # names of XML namespaces
    assert "default-src 'none'" in html
    assert "connect-src 'none'" in html
    assert not re.search(r"@import|url\((?!#|\"?data:|'?#)", (html.split("<style>")[1]).split("</style>")[0])


def test_the_first_line_is_the_headline(reports: Path) -> None:
    headline = json.loads((reports / "evaluation.json").read_text())["headline"]
    claim, findings = Page(render_report(reports)).text[:2]
    assert f"{claim}: {findings}".lower() == headline.lower()
    assert claim == "Re-ranking beats the best single retriever on both tasks"


def test_the_first_line_says_so_where_reranking_does_not_pay(
    evidence_of: Callable[..., Evidence], params: EvaluationParams, tmp_path: Path
) -> None:
    evaluate(evidence_of(helps=False), params).save(tmp_path)
    page = Page(render_report(tmp_path))
    assert page.text[0] == "Re-ranking does NOT beat the best single retriever on all purchases and new items"
    assert "loses to a single retriever" in page.text


def test_numbers_stages_facts_rows_and_shoppers_stand_on_the_page(reports: Path) -> None:
    html = render_report(reports, STAGES, {"registry version": "shoprec 3 (production)"})
    text = " ".join(Page(html).text)
    metrics = json.loads((reports / "metrics.json").read_text())
    for task in ("all", "new"):
        assert f"{metrics[task]['ndcg@10']:.4f}" in text
        assert f"{metrics[task]['recall@20']:.4f}" in text
    for said in ("unchanged, skipped", "75.0 s", "2,048 MiB", "shoprec 3 (production)", "970 of 1,000", "Shopper 7001"):
        assert said in text, said


def test_what_a_shop_wrote_is_shown_as_text_and_never_run(reports: Path) -> None:
    html = render_report(reports)
    assert "</script><b>Bread" not in html
    assert "&lt;/script&gt;&lt;b&gt;Bread&lt;/b&gt;" in html
    assert "quantity is &lt;0&gt;" in html


def test_parts_without_data_are_left_out_with_their_links(evidence: Evidence, tmp_path: Path) -> None:
    evaluate(evidence, EvaluationParams(draws=100)).save(tmp_path)
    html = render_report(tmp_path)
    for part in ("shoppers", "data", "cost"):
        assert f'id="{part}"' not in html
        assert f'href="#{part}"' not in html


def test_a_shop_of_events_alone_and_one_task_gets_its_page(
    evidence_of: Callable[..., Evidence], params: EvaluationParams, tmp_path: Path
) -> None:
    bare = evidence_of(bare=True, text_ids=True)
    only_all = Evidence(**{**vars(bare), "labels": bare.labels[bare.labels["task"] == "all"]})
    evaluate(only_all, params).save(tmp_path)
    text = Page(render_report(tmp_path)).text
    assert text[0] == "Re-ranking beats the best single retriever on all purchases"
    assert "New items" not in text


def test_without_an_evaluation_the_error_names_the_stage_to_run(tmp_path: Path) -> None:
    with pytest.raises(ShoprecError, match="run the evaluate stage first"):
        render_report(tmp_path)
