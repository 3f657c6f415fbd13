"""Each rule of expectations/recommendations.json has its canary; right lists break none."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.errors import BrokenCheckError, DataContractError, ParamsError
from tasks.ingestion.quality import Check
from tasks.ingestion.suites import load_suite
from tasks.params.publication import PublicationParams
from tasks.publication.catalogue import Catalogue
from tasks.publication.check import Asked, blocks_of, check_lists, refuse_breaches
from tasks.publication.lists import ListWriter
from tests.publication.made import ITEMS, USERS, K, catalogue, items, lists

SUITE = load_suite("recommendations", Path(__file__).parents[2] / "expectations" / "recommendations.json")
NOTHING = pd.MultiIndex.from_arrays([[], []])


def broken_by(
    found: pd.DataFrame, bought: pd.MultiIndex = NOTHING, blocks: int = 1, **changed: object
) -> dict[str, Check]:
    at = np.array_split(np.arange(len(found)), blocks)
    asked = Asked(**{"users": pd.Index(range(USERS)), "k": K, "version": 1, "catalogue": catalogue()} | changed)  # pyright: ignore[reportArgumentType]
    parts = (found.iloc[rows].reset_index(drop=True) for rows in at)
    checks = check_lists(parts, "new", asked, bought, SUITE)
    assert {check.status for check in checks} <= {"passed", "failed", "not applicable"}
    return {check.expectation.rule: check for check in checks if check.status == "failed"}


def test_right_lists_break_nothing_in_however_many_blocks_they_are_checked() -> None:
    for blocks in (1, USERS):
        assert broken_by(lists("new"), blocks=blocks) == {}


def twice(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(item_id=frame["item_id"].where(frame.index != 1, frame["item_id"].iloc[0]))


Change = Callable[[pd.DataFrame], pd.DataFrame]
CANARIES: dict[str, tuple[Change, int]] = {
    "item_id_present": (lambda f: f[f["user_id"] != 3], 1),
    "known_user": (lambda f: f.assign(user_id=f["user_id"].replace({3: 99})), K),
    "list_length": (lambda f: f.drop(index=2), K - 1),
    "rank_in_range": (lambda f: f.assign(rank=f["rank"].where(f.index != 2, K + 1)), 1),
    "ranks_without_gap": (lambda f: f.assign(rank=f["rank"].where(f.index != 1, 1)), 1),
    "no_item_twice": (twice, 1),
    "item_in_catalogue": (lambda f: f.assign(item_id=f["item_id"].where(f.index != 0, ITEMS + 7)), 1),
    "one_version": (lambda f: f.assign(version=f["version"].where(f.index != 0, 2)), 1),
    "one_task": (lambda f: f.assign(task=f["task"].where(f.index != 0, "all")), 1),
    "user_id_present": (lambda f: f.assign(user_id=f["user_id"].astype("Int64").where(f.index >= K)), K),
    "user_id_kind": (lambda f: f.assign(user_id=f["user_id"] + 0.5), 0),
    "item_id_kind": (lambda f: f.assign(item_id=f["item_id"] + 0.5), 0),
}


@pytest.mark.parametrize("rule", CANARIES)
def test_a_breach_is_found_with_its_rows(rule: str) -> None:
    change, rows = CANARIES[rule]
    found = broken_by(change(lists("new")).reset_index(drop=True))
    assert found[rule].unexpected == rows


def test_a_list_that_is_missing_is_named_by_its_shopper() -> None:
    (check,) = broken_by(CANARIES["item_id_present"][0](lists("new"))).values()
    assert check.examples == ("new / 3 / (empty) (1x)",)


def test_every_rule_has_a_canary() -> None:
    elsewhere = {"item_available", "item_allowed", "not_bought_before"}
    assert {expectation.rule for expectation in SUITE.expectations} == set(CANARIES) | elsewhere


def test_an_item_that_is_forbidden_or_not_sold_any_more_or_bought_before_is_found() -> None:
    right = lists("new")
    hidden = items().assign(
        available_from=pd.Timestamp("2024-03-01", tz="UTC"), available_to=pd.Timestamp("2024-05-01", tz="UTC")
    )
    cutoff = pd.Timestamp("2024-04-01", tz="UTC")
    hidden.loc[4, "available_from"], hidden.loc[5, "available_to"] = cutoff + pd.Timedelta("1us"), cutoff
    hidden.loc[6, "available_to"] = pd.NaT
    sold = Catalogue.of(hidden, cutoff.to_pydatetime(), PublicationParams(k=K))
    assert set(broken_by(right, catalogue=sold)) == {"item_available"}
    assert broken_by(right, catalogue=sold)["item_available"].unexpected == right["item_id"].isin([4, 5]).sum()
    allowed = catalogue(forbidden={"category_1": ["toys"]})
    assert broken_by(right, catalogue=allowed)["item_allowed"].unexpected == (right["item_id"] % 2 == 1).sum()
    assert broken_by(right, catalogue=catalogue(forbidden_items=["0"]))["item_allowed"].unexpected == 1
    bought = pd.MultiIndex.from_tuples([(2, 3), (5, 0)])
    (check,) = broken_by(right, bought).values()
    assert (check.expectation.rule, check.unexpected, check.examples) == ("not_bought_before", 1, ("new / 2 / 3 (1x)",))


def test_a_list_in_two_parts_is_found() -> None:
    """As one would be that was written in an earlier round, and once more in a later one."""
    right = lists("new")
    assert set(broken_by(pd.concat([right, right.head(K)], ignore_index=True), blocks=7)) == {"list_length"}


def test_a_short_list_is_right_where_the_shop_sells_no_more() -> None:
    short, first, second = lists("new").drop(index=2).reset_index(drop=True), pd.Index([0]), pd.Index([1])
    assert broken_by(short, may_be_short={"new": first}) == {}
    assert broken_by(short.query("user_id > 0"), may_be_short={"new": first}) == {}, "nothing at all is right, too"
    assert set(broken_by(short, may_be_short={"all": first, "new": second})) == {"list_length"}
    assert "list_length" in broken_by(pd.concat([lists("new").head(1), lists("new")]), may_be_short={"new": first})


def test_what_is_refused_names_rule_rows_and_examples() -> None:
    change, _ = CANARIES["item_in_catalogue"]
    with pytest.raises(DataContractError) as told:
        refuse_breaches(list(broken_by(change(lists("new"))).values()), 7)
    text = str(told.value)
    assert "the lists of version 7 break 1 expectation(s) of expectations/recommendations.json" in text
    assert "recommendations.item_in_catalogue: the items table knows the item; 1 of 18 rows" in text
    assert "such as new / 0 / 27 (1x)" in text
    assert "readers go on reading" in text


def test_a_suite_that_cannot_run_is_no_pass(tmp_path: Path) -> None:
    file = tmp_path / "recommendations.json"
    file.write_text(
        '{"expectations": [{"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "itm_id"}}]}'
    )
    asked = Asked(pd.Index(range(USERS)), K, 1, catalogue())
    checks = check_lists([lists("all")], "all", asked, NOTHING, load_suite("recommendations", file))
    with pytest.raises(BrokenCheckError, match="names the column 'itm_id'"):
        refuse_breaches(checks, 1)
    with pytest.raises(BrokenCheckError, match="says what good recommendations are"):
        load_suite("recommendations", tmp_path / "nothing.json")


def test_what_lies_on_disk_is_checked_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.publication.lists.ROWS", 2 * K)
    monkeypatch.setattr("tasks.publication.check.GROUPS", 2)
    with ListWriter(tmp_path / "new.parquet", "integer", "integer", 1) as writer:
        for _, frame in lists("new").groupby("user_id"):
            writer.write(frame)
    blocks = list(blocks_of(tmp_path / "new.parquet"))
    assert [len(block) for block in blocks] == [4 * K, 2 * K]
    pd.testing.assert_frame_equal(pd.concat(blocks, ignore_index=True), lists("new"), check_dtype=False)


def test_a_column_that_items_do_not_have_is_no_way_to_forbid() -> None:
    with pytest.raises(ParamsError, match="publication.forbidden names the item column 'brand'"):
        catalogue(forbidden={"brand": ["x"]})
