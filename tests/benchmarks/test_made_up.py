"""A made-up shop is the same every time, and is like the real one: numbers beside are The Complete Journey's."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.ingestion.sources import fetch
from tasks.params.shop import ShopParams
from tasks.params.source import SourceParams
from tests.benchmarks.made_up.calendar import HOURS, WEEKDAYS
from tests.benchmarks.made_up.shop import REAL_EVENTS, TABLES, params, write_shop


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """As many as the real ones."""
    folder = tmp_path_factory.mktemp("made-up")
    write_shop(folder, REAL_EVENTS)
    return pd.read_parquet(folder / "events.parquet")


def _pairs(events: pd.DataFrame) -> np.ndarray:
    """One number a (shopper, item)."""
    return events["user_id"].to_numpy() * 10**7 + events["item_id"].to_numpy()


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        write_shop(tmp_path / name, 20_000, seed)
    for table in TABLES:
        one, again, other = ((tmp_path / n / f"{table}.parquet").read_bytes() for n in ("one", "again", "other"))
        assert one == again != other


def test_the_files_adapter_reads_it(tmp_path: Path) -> None:
    count = write_shop(tmp_path / "exports", 20_000)
    source = params()
    tables = fetch(SourceParams(**source["source"]), ShopParams(**source["shop"]), tmp_path)
    assert sorted(tables) == sorted(TABLES)
    assert len(tables["events"]) == count
    assert set(tables["events"]["event_type"]) == {"purchase"}
    assert tables["events"]["item_id"].isin(tables["items"]["item_id"]).all()
    assert tables["events"]["user_id"].isin(tables["users"]["user_id"]).all()


def test_a_larger_shop_has_more_shoppers_who_are_as_busy(tmp_path: Path) -> None:
    counts = {n: write_shop(tmp_path / str(n), n) for n in (50_000, 200_000)}
    tables = {n: pd.read_parquet(tmp_path / str(n) / "events.parquet") for n in counts}
    users = {n: table["user_id"].nunique() for n, table in tables.items()}
    items = {n: len(pd.read_parquet(tmp_path / str(n) / "items.parquet")) for n in counts}
    assert users[200_000] / users[50_000] == pytest.approx(4, rel=0.05)
    assert items[200_000] / items[50_000] == pytest.approx(2, rel=0.01)
    assert counts == pytest.approx({n: n for n in counts}, rel=0.1)


def test_as_many_shoppers_buy_as_much_in_as_many_visits(events: pd.DataFrame) -> None:
    assert len(events) == pytest.approx(1_441_423, rel=0.02)
    assert events["user_id"].nunique() == pytest.approx(2_467, rel=0.02)
    assert events["session_id"].nunique() == pytest.approx(140_897, rel=0.05)
    baskets = events.groupby("session_id").size()
    assert baskets.quantile([0.25, 0.5, 0.75, 0.99]).tolist() == pytest.approx([2, 5, 13, 60], rel=0.08)
    assert not events.duplicated(["session_id", "item_id"]).any()


def test_a_tenth_of_the_shoppers_buys_a_third(events: pd.DataFrame) -> None:
    bought = events.groupby("user_id").size().sort_values(ascending=False)
    assert bought.head(len(bought) // 10).sum() / bought.sum() == pytest.approx(0.330, abs=0.02)
    assert bought.quantile([0.5, 0.9, 0.99]).tolist() == pytest.approx([402, 1346, 2723], rel=0.05)


@pytest.mark.parametrize(("first", "last", "real"), [(10, 1_000, -0.65), (100, 10_000, -0.77), (1_000, 30_000, -1.30)])
def test_popularity_falls_by_rank_as_the_real_one(events: pd.DataFrame, first: int, last: int, real: float) -> None:
    """Zipf's exponent, which is another at the head than in the tail."""
    counts = events["item_id"].value_counts().to_numpy()[first - 1 : last]
    exponent = np.polyfit(np.log(np.arange(first, last + 1)), np.log(counts), 1)[0]
    assert exponent == pytest.approx(real, abs=0.1)


def test_as_much_is_bought_again(events: pd.DataFrame) -> None:
    """Of all purchases, 40 % are of an item that the shopper had before; most pairs of both are seen once."""
    times = pd.Series(np.unique(_pairs(events), return_counts=True)[1]).value_counts(normalize=True)
    assert 1 - 1 / float(times.index.to_numpy() @ times.to_numpy()) == pytest.approx(0.404, abs=0.03)
    assert times[[1, 2, 3]].tolist() == pytest.approx([0.755, 0.127, 0.047], abs=0.04)


def test_what_is_bought_again_has_run_out(events: pd.DataFrame) -> None:
    """The gaps between purchases of one pair are long against those between visits; the median is a month."""
    order = np.argsort(_pairs(events), kind="stable")
    same = np.diff(_pairs(events)[order]) == 0
    days = events["timestamp"].to_numpy("datetime64[s]").astype(np.int64)[order] / 86_400
    gaps = np.diff(days)[same]
    assert np.quantile(gaps, [0.25, 0.5, 0.75]).tolist() == pytest.approx([10.6, 26.1, 63.1], rel=0.5)


def test_the_week_and_the_day_have_their_rhythm(events: pd.DataFrame) -> None:
    weekdays = events["timestamp"].dt.day_of_week.value_counts(normalize=True).sort_index()
    assert weekdays.tolist() == pytest.approx(list(WEEKDAYS), abs=0.012)
    visits = events.drop_duplicates("session_id")["timestamp"]
    hours = visits.dt.hour.value_counts(normalize=True).sort_index()
    assert hours.tolist() == pytest.approx(list(HOURS), abs=0.005)


def test_items_come_and_go(events: pd.DataFrame) -> None:
    """Of the thousand most bought items of the first quarter most, but not all, are so in the last; really 699."""
    first, last = events["timestamp"] < "2017-04-01", events["timestamp"] >= "2017-10-01"
    heads = [set(events.loc[of, "item_id"].value_counts().index[:1000]) for of in (first, last)]
    assert 600 < len(heads[0] & heads[1]) < 850
