"""A shop of two shoppers and three items whose features can be worked out by hand."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.features.compute import compute_features
from tasks.folds import Fold
from tasks.ingestion.valid import Valid
from tasks.params.ranker import FeatureParams
from tasks.params.shop import ShopParams

SHOP = ShopParams(time_zone="UTC")
PARAMS = FeatureParams(windows_days=(7, 28), half_lives_days=(10,))
CUTOFF = datetime(2024, 3, 1, tzinfo=UTC)
"""A Friday."""
FOLD = Fold("test", CUTOFF, timedelta(days=7))
COLUMNS = ["user_id", "item_id", "session_id", "days", "quantity", "value"]
LINES = [
    ("ann", "tea", "s3", 2.0, 2, 4.0),
    ("ann", "oat", "s3", 2.0, 1, 3.0),
    ("ann", "tea", "s2", 12.0, 1, 3.0),  # a Sunday
    ("ann", "tea", "s1", 32.0, 1, 2.0),
    ("ann", "jam", "s1", 32.0, 1, 5.0),
    ("bob", "tea", "s4", 5.0, 1, 2.0),  # a Sunday
]
ITEMS = pd.DataFrame(
    {
        "item_id": ["jam", "oat", "tea"],
        "title": ["Jam", "Oats", "Tea"],
        "category_1": ["food", "food", "food"],
        "category_2": ["dry", "dry", "hot"],
        "brand": [None, "acme", "acme"],
    }
)


def event_table(lines: list[tuple[Any, ...]]) -> pd.DataFrame:
    """Rows are user, item, session, days before the cutoff, quantity and value."""
    table = pd.DataFrame(lines, columns=COLUMNS)
    at = (CUTOFF - pd.to_timedelta(table["days"], unit="D")).dt.as_unit("us")
    events = table.assign(timestamp=at, event_type="purchase").drop(columns="days")
    return events.sort_values(["timestamp", "user_id", "item_id"], ignore_index=True)


def promotion_table(*rows: tuple[str, str, str, str, float]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["item_id", "start", "end", "kind", "reach"])
    return table.assign(**{c: pd.to_datetime(table[c], utc=True).dt.as_unit("us") for c in ("start", "end")})


def valid(events: pd.DataFrame, items: pd.DataFrame | None = ITEMS, promotions: pd.DataFrame | None = None) -> Valid:
    if items is None:
        ids = events["item_id"].drop_duplicates().sort_values(ignore_index=True)
        items = pd.DataFrame({"item_id": ids, "title": ids.astype(str)})
    return Valid(events, items, pd.DataFrame({"user_id": sorted(events["user_id"].unique())}), promotions)


def computed(given: Valid, out: Path, params: FeatureParams = PARAMS) -> Path:
    """The folder of the fold's tables."""
    out.mkdir(parents=True, exist_ok=True)
    compute_features(given, [FOLD], params, SHOP, out)
    return out / FOLD.name


def tables(folder: Path) -> dict[str, pd.DataFrame]:
    """Group to its table, by its keys."""
    found = {path.stem: pd.read_parquet(path) for path in sorted(folder.glob("*.parquet"))}
    return {name: t.set_index([c for c in t if t[c].dtype != "float32"]) for name, t in found.items()}


def value(table: pd.DataFrame, key: Any, name: str) -> float:
    return float(table[name].to_dict()[key])


def table_bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.parquet"))}
