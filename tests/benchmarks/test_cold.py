"""Cold shoppers and items as they are simulated, and what the page says of them."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.ingestion.valid import Valid
from tasks.params import load_params
from tests.benchmarks.cold.items import CONTENT, OF_BRAND, OF_CATEGORY, RANDOM, never_sold
from tests.benchmarks.cold.page import CHART, Found, in_words, write_page
from tests.benchmarks.cold.shoppers import POPULAR, RANKER, SERVED, UNPROMOTED, cold_parts, with_attributes
from tests.benchmarks.measured import BEGIN, END
from tests.benchmarks.peers.weeks import Weeks
from tests.shop import PROJECT, bought_in_sections

USERS = pd.Index(range(50), name="user_id")


@pytest.fixture(scope="module")
def weeks() -> Weeks:
    tables = bought_in_sections()
    users = tables["events"][["user_id"]].drop_duplicates()
    valid = Valid(tables["events"], tables["items"], users, None)
    params = load_params(PROJECT / "params.yaml")
    return Weeks(valid, params.model_copy(update={"folds": params.folds.model_copy(update={"train": 1})}), 1)


def test_in_a_week_everybody_with_a_label_is_cold_once(weeks: Weeks) -> None:
    parts = list(cold_parts(weeks, 0, 2, 7, [1]))
    labelled = weeks.labels(weeks.test(0), "all")["user_id"].unique()
    assert sorted(np.concatenate([part.users for part in parts])) == sorted(labelled)


@pytest.mark.parametrize("known", [0, 1, 3])
def test_the_shop_knows_a_cold_shoppers_last_events_and_all_of_the_others_but_nothing_of_the_week(
    weeks: Weeks, known: int
) -> None:
    cold = next(cold_parts(weeks, 0, 2, 7, [known]))
    events, kept = weeks.valid.events, cold.valid.events
    past = events[events["timestamp"] < cold.fold.cutoff]
    assert (kept["timestamp"] < cold.fold.cutoff).all()
    others = past[~past["user_id"].isin(cold.users)]
    assert len(kept) == len(others) + known * len(cold.users)
    theirs = kept[kept["user_id"].isin(cold.users)]
    first = theirs.groupby("user_id")["timestamp"].min().rename("first").reset_index()
    later = past.merge(first, on="user_id").query("timestamp > first")
    assert (later.groupby("user_id").size() < known).all()


def test_a_list_of_all_that_is_bought_is_perfect_and_on_new_items_what_is_known_is_no_label(weeks: Weeks) -> None:
    cold = next(cold_parts(weeks, 0, 2, 7, [3]))
    known = set(map(tuple, cold.valid.events[["user_id", "item_id"]].to_numpy()))
    for task in ("all", "new"):
        labels = cold.labels(task)
        best = labels.assign(rank=labels.groupby("user_id").cumcount() + 1)
        assert cold.values(best, task).tolist() == pytest.approx([1.0] * labels["user_id"].nunique())
        assert task == "all" or not known & set(map(tuple, labels.to_numpy()))


def test_users_with_any_attribute_are_told_from_those_with_none() -> None:
    users = pd.DataFrame(
        {"user_id": [1, 2, 3], "consent": [True] * 3, "age": [None, "19-24", None], "kids": [1, 2, None]}
    )
    assert with_attributes(users).tolist() == [1, 2]


def test_what_was_never_sold_is_ranked_and_what_was_bought_of_it_in_the_week_is_right(weeks: Weeks) -> None:
    fold = weeks.test(0)
    events = weeks.valid.events
    sold_first = events[(events["timestamp"] >= fold.cutoff) | (events["item_id"] != "sku-05")]
    values = never_sold(Weeks(Valid(sold_first, *_rest(weeks)), weeks.params, 1), 0).values()
    week = sold_first[sold_first["timestamp"] >= fold.cutoff]
    assert len(values) == week.loc[week["item_id"] == "sku-05", "user_id"].nunique()
    assert values[CONTENT].tolist() == [1.0] * len(values), "it is the only one"


def _rest(weeks: Weeks) -> tuple[pd.DataFrame, pd.DataFrame, None]:
    return weeks.valid.items.assign(brand="any"), weeks.valid.users, None


def values(**of: float) -> pd.DataFrame:
    return pd.DataFrame({name: np.full(len(USERS), value) for name, value in of.items()}, index=USERS)


def found(served: float) -> Found:
    of = values(**{POPULAR: 0.1, SERVED: served, UNPROMOTED: 0.11})
    items = values(**{RANDOM: 0.0, OF_CATEGORY: 0.02, OF_BRAND: 0.01, CONTENT: 0.05})
    return Found(
        day=date(2024, 3, 1),
        first=date(2024, 1, 1),
        last=date(2024, 1, 8),
        weeks=2,
        parts=2,
        shoppers={(0, "all"): [of, of], (1, "all"): [of, of], (0, "new"): [of, of]},
        with_attributes=USERS[:10],
        ranked={(3, "all"): [of.assign(**{RANKER: 0.04})]},
        items={"never sold": [items]},
        draws=200,
        seed=1,
    )


def test_the_page_says_who_gains_how_much_and_whether_that_is_sure(tmp_path: Path) -> None:
    page = in_words(found(0.125))
    assert "All 5 groups of shoppers are served better than by popularity." in page
    assert "| no events | 100 | 0.1000 | 0.1250 | +0.0250 (+0.0250 to +0.0250) | 2 of 2 | +0.0100" in page
    assert "| no events, but attributes | 20 |" in page
    assert "| 1 event | 100 |" in page
    assert "| 3 | all purchases | 50 | 0.1000 | 0.1250 | 0.0400 | +0.0850" in page
    assert "| never sold | 50 | 0.0000 | 0.0200 | 0.0100 | 0.0500 | +0.0500 (+0.0500 to +0.0500) |" in page
    assert "| +0.0300 (+0.0300 to +0.0300) | +0.0400 (+0.0400 to +0.0400) |" in page
    (tmp_path / "page.md").write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    write_page(found(0.125), tmp_path / "page.md")
    assert (tmp_path / CHART).read_text(encoding="utf-8").startswith("<?xml")


def test_a_group_that_gains_nothing_for_sure_is_named() -> None:
    told = in_words(found(0.1))
    assert "Not shown to be above popularity: no events on all purchases, " in told
