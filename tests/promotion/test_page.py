"""What a reviewer reads of a version: in the order of a decision, inert whatever a shop says, and within bounds."""

from dataclasses import replace

import pandas as pd
import pytest
from markdown_it import MarkdownIt

from tasks.promotion.data_change import DataChange, Extent, data_change
from tasks.promotion.first import POPULARITY
from tasks.promotion.gate import judge, judge_unmeasurable
from tasks.promotion.measured import Slice
from tasks.promotion.of_task import NO_LOSS
from tasks.promotion.page import CUT, Page
from tasks.promotion.shoppers import Listed, Shopper
from tasks.promotion.table import interval
from tasks.promotion.verdict import Verdict
from tests.promotion.evidence import PARAMS, SLICES, measured, of_task

HTML = MarkdownIt("commonmark", {"html": True}).enable("table")
HOSTILE = "<script>alert(1)</script> **b** | [x](javascript:alert(1)) ` `` ![](http://x/y.png)\n# head \ud800\x00" * 9
CHANGE = DataChange(
    Extent(1000, 200, 50, "2024-02-26T10:00:00+00:00"), Extent(1100, 210, 55, "2024-03-04T09:00:00+00:00"), 0.0625
)


def shopper(user: str = "262", title: str = "Yogurt", task: str = "all") -> Shopper:
    lists = [tuple(Listed(f"{title} {side} {n}", n == 2) for n in range(1, 11)) for side in ("old", "new")]
    return Shopper("new" if task == "new" else "all", user, 4, lists[0], lists[1])


LONG_TITLES = tuple(
    shopper(f"c{n:08}", "Meat: Lunchmeat Bulk, 16 OZ", task) for task in ("all", "new") for n in range(5)
)
SHOPPERS = tuple(shopper(str(n), task=task) for task in ("all", "new") for n in range(5))


@pytest.fixture(scope="module")
def page() -> Page:
    verdict = judge(measured(), PARAMS)
    links = {"report": "#/experiments/1/runs/ab/artifacts/report.html"}
    return Page(7, 5, "waits for review", verdict.reason, verdict, "", CHANGE, SHOPPERS, links)


def test_the_decision_comes_first_and_how_to_answer_it_last(page: Page) -> None:
    text = page.markdown()
    assert text.startswith("**Decision of the gate: waits for review.** NDCG@10 on all purchases +0.0200 (99.8 %")
    headings = [line.removeprefix("### ") for line in text.splitlines() if line.startswith("### ")]
    assert headings == [
        "What the gate asked",
        "Lift over the champion",
        "Slices of users that moved most",
        "Data since version 5",
        "Typical shoppers, as both would have served them; ✓ was bought",
        "Look closer",
        "Approve or reject",
    ]
    assert page.verdict.table() in text
    assert "[report](#/experiments/1/runs/ab/artifacts/report.html)" in text


def test_the_lift_is_told_with_its_interval_on_both_tasks(page: Page) -> None:
    lift = page.markdown().split("### Lift over the champion")[1].split("###")[0]
    rows = [line for line in lift.splitlines() if line.startswith("| NDCG@10")]
    assert [row.split("|")[1].strip() for row in rows] == ["NDCG@10 on all purchases", "NDCG@10 on new items"]
    told = [check for check in page.verdict.checks if check.name.endswith(NO_LOSS)]
    for check, row in zip(told, rows, strict=True):
        assert f"| +0.0200 | {interval(check)} | 300 |" in row
    assert all(row.split("|")[3].strip().startswith("95 % interval +0.01") for row in rows)


def test_the_best_and_the_worst_three_slices_are_shown_best_first(page: Page) -> None:
    moved = page.markdown().split("moved most")[1].split("###")[0]
    lifts = [float(line.split("|")[2]) for line in moved.splitlines() if line.startswith("| NDCG@10")]
    every = sorted((c.value for c in page.verdict.checks if c.quoted and c.value is not None), reverse=True)
    assert len(every) > 6
    assert lifts == pytest.approx(every[:3] + every[-3:], abs=1e-4)


def test_what_is_new_in_the_data_stands_beside_what_was(page: Page) -> None:
    text = page.markdown()
    assert "| events | 1,000 | 1,100 | +100 |" in text
    assert "| newest event, UTC | 2024-02-26 10:00 | 2024-03-04 09:00 | |" in text
    assert "6.2% of the items are new" in text
    assert "learned from is not known" in replace(page, change=None).markdown()


def test_both_lists_of_ten_shoppers_stand_beside_each_other_with_what_was_bought(page: Page) -> None:
    text = page.markdown()
    assert text.count("champion: version 5 | challenger: version 7") == 10
    assert text.count("| 2 | ✓ `Yogurt old 2` | ✓ `Yogurt new 2` |") == 10
    assert text.count("the champion's list has 1 of them, the challenger's 1") == 10


def test_a_list_that_is_shorter_or_empty_leaves_its_cells_empty(page: Page) -> None:
    short = replace(shopper(), champion=(Listed("Only one", False),))
    assert "| 2 |  | ✓ `Yogurt new 2` |" in replace(page, shoppers=(short,)).markdown()
    assert "bought 4" in replace(page, shoppers=(replace(short, champion=(), challenger=()),)).markdown()


@pytest.mark.parametrize("longest", [None, 5000, 8000])
def test_nothing_from_outside_is_markup(page: Page, longest: int | None) -> None:
    plain = replace(page, shoppers=(shopper("u", "t"),) * 10)
    named = (*SLICES, *(Slice(HOSTILE, HOSTILE, SLICES[2].inside) for _ in range(4)))
    verdict = judge(measured(of_task(slices=named), of_task(slices=named)), PARAMS)
    hostile = replace(plain, verdict=verdict, why=HOSTILE, shoppers=(shopper(HOSTILE, HOSTILE),) * 10)
    told = hostile.markdown(longest)
    tags = {token.tag for block in HTML.parse(told) for token in [block, *(block.children or [])]}
    assert tags <= {"", "p", "h3", "strong", "em", "table", "thead", "tbody", "tr", "th", "td", "code", "a", "br"}
    links = [t.attrs["href"] for block in HTML.parse(told) for t in (block.children or []) if t.type == "link_open"]
    assert links == list(page.links.values())
    assert not any(t.type == "html_inline" for block in HTML.parse(told) for t in (block.children or []))
    told.encode()


@pytest.mark.parametrize("longest", [4000, 5000, 6000, 8000, 12000])
def test_a_page_too_long_for_mlflow_keeps_what_decided_and_says_so(page: Page, longest: int) -> None:
    told = page.markdown(longest)
    assert len(told) <= longest
    assert (CUT in told) == (len(page.markdown()) > longest)
    for kept in ("Decision of the gate", "### Lift over", "moved most", "Data since", "### Approve or reject"):
        assert kept in told
    gains = [check for check in page.verdict.checks if check.kind == "gain"]
    assert all(f"| pass | {check.name} |" in told for check in gains)


def test_what_a_server_holds_has_both_lists_of_all_ten_shoppers(page: Page) -> None:
    told = page.markdown(5000)
    rows = rows_of_shoppers(told)
    assert len(rows) == 10
    assert rows[7].startswith("| new items, `2` bought 4 | 1 ✓ in 10: `Yogurt old 1` · ✓ `Yogurt old 2` · ")
    assert all(row.count("…") == 2 for row in rows)
    others = [check for check in page.verdict.checks if check.kind != "gain"]
    for status in ("pass", "not measured"):
        assert f"| {status} | {sum(check.status == status for check in others)} more | | | | |" in told


def test_lists_are_seen_where_everything_failed_in_every_slice(page: Page) -> None:
    named = (*SLICES, *(Slice("department", f"number {n}", SLICES[2].inside) for n in range(40)))
    verdict = judge(measured(of_task(-0.2, slices=named), of_task(-0.2, slices=named)), PARAMS)
    links = {
        text: f"#/experiments/12/runs/{'a' * 32}/artifacts/{text}" for text in ("report", "data", "verdict", "page")
    }
    told = replace(page, verdict=verdict, why=verdict.reason, links=links, shoppers=LONG_TITLES).markdown(5000)
    assert len(told) <= 5000
    assert told.count("**FAIL**") > 8
    assert len(rows_of_shoppers(told)) == 10


def rows_of_shoppers(told: str) -> list[str]:
    return [line for line in told.splitlines() if " bought 4 |" in line]


def test_the_longest_names_still_leave_the_decision_and_how_to_answer(page: Page) -> None:
    rng = range(60)
    named = tuple(Slice("d" * 500, f"{n}" * 500, SLICES[2].inside) for n in rng)
    verdict = judge(measured(of_task(-0.2, slices=named), of_task(-0.2, slices=named)), PARAMS)
    told = replace(page, verdict=verdict, why="w" * 100_000).markdown(5000)
    assert len(told) <= 5000
    assert "| **FAIL** |" in told
    assert told.endswith("serves.")


def test_a_champion_that_could_not_be_scored_leaves_what_is_not_known_out() -> None:
    verdict = judge_unmeasurable(5, "its ranker is gone")
    told = Page(7, 5, "held", verdict.reason, verdict).markdown()
    assert "Lift over" not in told
    assert "moved most" not in told
    assert "could not be scored on the same users: its ranker is gone" in told


def test_a_first_version_is_told_by_what_it_was_measured_to_be() -> None:
    verdict = Verdict("promote", f"the first that beats {POPULARITY}", ())
    told = Page(1, None, "promoted", verdict.reason, verdict, "| all purchases | NDCG@10 |").markdown()
    assert "| all purchases | NDCG@10 |" in told
    assert "champion" not in told
    assert "version None" not in told


def test_an_item_is_new_where_its_first_event_is_after_the_champions_newest() -> None:
    profile = {"rows": {"events": 3}, "users": 2, "items": 2, "last_event": "2024-03-01T00:00:00+00:00"}
    days = pd.to_datetime(["2024-02-01", "2024-03-02", "2024-03-01", "2024-03-03"], utc=True)
    events = pd.DataFrame({"item_id": ["old", "old", "just in time", "new"], "timestamp": days})
    change = data_change(profile, profile | {"items": 3}, events)
    assert change.new_items == pytest.approx(1 / 3)
    assert (change.champion.items, change.challenger.items) == (2, 3)
