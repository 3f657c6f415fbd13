"""The data quality page: everything on it, and nothing that it would have to load from a network."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pandas as pd
import pytest

from tasks.ingestion.page import render_page
from tasks.params.source import CleanParams
from tests.ingestion.conftest import check, suite_file

VOID = {"meta", "br", "img", "input", "hr", "link"}


class Tags(HTMLParser):
    """Raises where tags do not close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += f" {data}"


def text_of(page: str) -> str:
    parser = Tags()
    parser.feed(page)
    assert parser.open == []
    return re.sub(r"\s+", " ", parser.text)


@pytest.fixture
def accepted(suites, events, items):
    events.loc[[0, 1], "item_id"] = 999
    return check(suites, events, items, params=CleanParams(exclude={"category_1": ["FUEL"]})).quality


def test_it_loads_nothing(accepted):
    page = render_page(accepted)
    assert not re.search(r"https?://|//cdn|<script|<link|@import|url\(|\bsrc=", page)


def test_it_says_what_was_read_kept_and_removed_and_why(accepted):
    text = text_of(render_page(accepted))
    for said in ("400 events read", f"{accepted.kept['events']} kept", "item_in_catalogue", "category_1 is FUEL"):
        assert said in text
    assert "2024-02" in text, "the months are drawn"


def test_every_expectation_stands_on_it_with_its_result(accepted):
    text = text_of(render_page(accepted))
    for entry in accepted.checks:
        assert f"{entry.table}.{entry.expectation.rule}" in text
    assert text.count("not applicable") >= len(accepted.with_status("not applicable"))


def test_a_refusal_begins_with_what_has_to_be_mended(suites, events):
    quality = check(suites, events.assign(event_type="teleport")).quality
    text = text_of(render_page(quality))
    assert "refused" in text and "What has to be mended" in text
    assert "teleport (400x)" in text
    assert "source.tables.events.event_types" in text


def test_a_broken_check_is_called_that(tmp_path, events):
    suites = suite_file(tmp_path / "s", {"type": "expect_nothing", "kwargs": {}, "meta": {"rule": "odd"}})
    text = text_of(render_page(check(suites, events).quality))
    assert "not known: a check broke" in text and "expect_nothing not found" in text


def test_what_the_data_holds_is_shown_as_text(suites, events):
    """A shop's data may hold anything, a script too."""
    events.loc[1, "event_type"] = "<script>alert(1)</script>"
    page = render_page(check(suites, events).quality)
    assert "<script" not in page and "&lt;script&gt;" in page


def test_few_are_never_rounded_to_none(accepted):
    many = replace(accepted, read={**accepted.read, "events": 10_000_000}, kept={**accepted.kept, "events": 9_999_999})
    assert "&gt; 99.99 %" in render_page(many)


def test_one_event_is_enough_for_a_page(suites, events):
    one = events.head(1).assign(timestamp=pd.Timestamp("2024-02-29T12:00Z"))
    text_of(render_page(check(suites, one).quality))
