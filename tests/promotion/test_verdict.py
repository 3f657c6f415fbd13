"""What people and the ledger get to see, whatever a shop calls its slices."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from pydantic import ValidationError

from tasks.promotion.check import Check
from tasks.promotion.gate import judge, judge_unmeasurable
from tasks.promotion.measured import Slice
from tasks.promotion.outside import sentence
from tasks.promotion.table import markdown, number, percent
from tasks.promotion.verdict import Verdict
from tests.promotion.evidence import PARAMS, USERS, measured, of_task

HTML = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable("table")
HOSTILE = [
    "<script>alert(1)</script>",
    "a | b\n| fail | all is lost |",
    "`` ` ``` code",
    "\\| \\",
    "[x](javascript:alert(1)) ![](http://x/y.png)",
    "**bold** # head &lt;b&gt;",
    "x" * 100_000,
    "\ud800 \x00 \u202egnihton",
    "",
]


def slice_that(status: str, name: str) -> Check:
    return Check(
        name="NDCG@10 on new items, slice",
        says="at most 10 % may be lost",
        value=-0.02,
        low=-0.03,
        high=-0.01,
        threshold=-0.025,
        status="fail" if status == "fail" else "pass",
        kind="guardrail",
        needs="at least",
        level=0.998,
        users=120,
        quoted=name,
    )


@given(st.text(max_size=200))
@example(HOSTILE[0])
@example(HOSTILE[1])
@example(HOSTILE[2])
@example(HOSTILE[3])
@example(HOSTILE[4])
@example(HOSTILE[5])
@example(HOSTILE[6])
@example(HOSTILE[7])
@example(HOSTILE[8])
def test_a_slices_name_is_inert_and_stays_in_its_cell(name: str) -> None:
    for status in ("fail", "pass"):
        told = markdown([slice_that(status, name)])
        assert len(told.splitlines()) == 3
        html = HTML.render(told)
        assert html.count("<td") == html.count("</td>") == 6
        inside = html[html.index("<code>") + 6 : html.index("</code>")]
        assert html.count("<code>") == 1
        assert "<" not in inside
        for tag in ("<script", "<a ", "<img", "<em", "<h1"):
            assert tag not in html
        assert len(told) < 700
        told.encode()


@pytest.mark.parametrize("text", HOSTILE)
def test_an_errors_text_is_inert_in_a_reason(text: str) -> None:
    verdict = judge_unmeasurable(5, text)
    html = HTML.render(verdict.reason)
    assert not any(tag in html for tag in ("<script", "<a ", "<img", "<code", "<h1"))
    assert len(verdict.reason) < 400
    assert "\n" not in verdict.reason
    verdict.reason.encode()


def test_a_reason_names_no_slice() -> None:
    half = Slice("<b>club</b>", "gold", np.arange(USERS) % 2 == 0)
    task = of_task(slices=(half,))
    verdict = judge(measured(task, task), PARAMS.model_copy(update={"slices": no_room()}))
    assert verdict.decision == "hold"
    assert "2 of 2 slices of users" in verdict.reason
    assert "club" not in verdict.reason
    assert "`<b>club</b>: gold`" in verdict.table()


def no_room() -> object:
    """Not even a gain of 0.02 is enough: the margin is below zero, as no params file can say."""
    return PARAMS.slices.model_copy(
        update={"margin": PARAMS.slices.margin.model_copy(update={"all": -0.5, "new": -0.5})}
    )


def test_what_failed_comes_first_and_slices_that_passed_share_a_row() -> None:
    rows = judge(measured(of_task(0.0), of_task(0.0), accepted=False), PARAMS).table().splitlines()[2:]
    marks = [row.split("|")[1].strip() for row in rows]
    assert marks == sorted(marks, key=["**FAIL**", "not measured", "pass"].index)
    assert sum("slices of users; nearest to its margin is" in row for row in rows) == 1
    assert len(rows) < 30


def test_a_row_says_it_all() -> None:
    row = markdown([slice_that("fail", "age: 25-34")]).splitlines()[2]
    assert row == (
        "| **FAIL** | NDCG@10 on new items, slice: `age: 25-34` | -0.0200 | 99.8 %: -0.0300 to -0.0100"
        " | at least -0.0250 | 120 users; at most 10 % may be lost |"
    )


@pytest.mark.parametrize(
    "value, unit, written",
    [
        (0.01, "", "+0.0100"),
        (-0.00012, "", "-0.000120"),
        (0.0, "", "+0.0000"),
        (3e-19, "", "+0.0000"),
        (81.26, "ms", "81.3 ms"),
        (1234.5, "MiB", "1,234.5 MiB"),
    ],
)
def test_numbers_have_sensible_digits(value: float, unit: str, written: str) -> None:
    assert number(value, unit) == written


def test_percents_have_sensible_digits() -> None:
    written = [percent(share) for share in (0.95, 0.9979759, 0.03, 0.1, 0.025)]
    assert written == ["95 %", "99.8 %", "3 %", "10 %", "2.5 %"]


@pytest.mark.parametrize(
    "verdict",
    [
        judge(measured(), PARAMS),
        judge(measured(of_task(coverage=replace(of_task().coverage, champion=float("nan")))), PARAMS),
        judge(measured(of_task(metrics=nobody.metrics)) if (nobody := of_task()) else measured(), PARAMS),
        judge_unmeasurable(5, HOSTILE[1]),
    ],
)
def test_a_verdict_survives_json(verdict: Verdict) -> None:
    saved = json.dumps(verdict.as_dict(), allow_nan=False)
    assert Verdict.from_dict(json.loads(saved)) == verdict


def test_what_is_no_verdict_is_refused() -> None:
    saved = judge_unmeasurable(5, "gone").as_dict()
    with pytest.raises(ValidationError, match="decision"):
        Verdict.from_dict(saved | {"decision": "ship it"})
    with pytest.raises(ValidationError, match="finite"):
        Verdict.from_dict(saved | {"checks": [saved["checks"][0] | {"value": float("nan")}]})


def test_a_sentence_keeps_ordinary_text_as_it_is() -> None:
    assert sentence("version 5's bundle lacks state.npz (NDCG@10, 3 %)") == (
        "version 5's bundle lacks state.npz (NDCG@10, 3 %)"
    )
