"""Events by the days before one cutoff, and params of which a test changes what it is about."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tasks.candidates.history import History
from tasks.folds import Fold
from tasks.params import load_params
from tasks.params.candidates import CandidateParams
from tasks.params.shop import ShopParams

SHOP = ShopParams(time_zone="UTC")
CUTOFF = pd.Timestamp("2024-03-01", tz="UTC")
WEEK = timedelta(days=7)
FOLD = Fold("serve", CUTOFF.to_pydatetime(), WEEK)
_SHIPPED = load_params(Path(__file__).parents[2] / "params.yaml").candidates.model_dump()
_SMALL: dict[str, Any] = {
    "universe_days": 90,
    "universe_min_buyers": 1,
    "universe_max_items": None,
    "event_weights": {},
    "als": {"factors": 8, "regularization": 0.1, "alpha": 1.0, "iterations": 15, "half_life_days": None, "seed": 1},
    "item_neighbours": {"similarity": "cosine", "neighbours": 50, "half_life_days": None},
    "user_neighbours": {"similarity": "cosine", "neighbours": 50, "pool": None, "power": 1.0, "half_life_days": None},
    "ease": {"enabled": True, "head": 20, "regularization": 3.0, "half_life_days": None},
    "own_history": {"half_life_days": 30},
    "popularity": {"days": 28, "half_life_days": None, "promotions": False},
}
Row = tuple[Any, Any, float]


def candidate_params(**changed: Any) -> CandidateParams:
    """Those of `_SMALL`, with what is `changed`; all retrievers are on and give 5 items to each task."""
    merged = dict(_SHIPPED)
    for change in (_SMALL, changed):
        for name, value in change.items():
            section = merged[name]
            merged[name] = section | value if isinstance(section, dict) and name != "event_weights" else value
    for name in ("als", "item_neighbours", "user_neighbours", "ease", "own_history", "popularity"):
        merged[name] = merged[name] | {"depth_all": 5, "depth_new": 5} | changed.get(name, {})
    return CandidateParams.model_validate(merged)


def event_table(rows: list[Row], event_type: str = "purchase") -> pd.DataFrame:
    """Rows are (user, item, days before the cutoff); what a user does on one day is one session."""
    table = pd.DataFrame(rows, columns=["user_id", "item_id", "days"])
    return pd.DataFrame(
        {
            "user_id": table["user_id"],
            "item_id": table["item_id"],
            "event_type": event_type,
            "timestamp": (CUTOFF - pd.to_timedelta(table["days"], unit="D")).dt.as_unit("us"),
            "session_id": table["user_id"].astype(str) + "@" + np.ceil(table["days"]).astype(int).astype(str),
            "quantity": 1,
            "value": 2.0,
        }
    ).sort_values(["timestamp", "user_id", "item_id"], ignore_index=True)


def history(events: pd.DataFrame, **changed: Any) -> History:
    return History.as_of(events, CUTOFF.to_pydatetime(), candidate_params(**changed), SHOP)


def random_events(seed: int = 3, users: int = 40, items: int = 30, lines: int = 600) -> pd.DataFrame:
    """Purchases over 60 days, some items far more popular than others."""
    rng = np.random.default_rng(seed)
    chosen = np.minimum(rng.geometric(0.08, lines) - 1, items - 1)
    days = rng.random(lines) * 60
    return event_table(
        [(int(u), 100 + int(i), d) for u, i, d in zip(rng.integers(0, users, lines), chosen, days, strict=True)]
    )


def two_tastes(people: int = 50) -> pd.DataFrame:
    """Even shoppers bought every even item, odd ones every odd; each misses only their own number."""
    return event_table([(u, i, 1.0) for u in range(people) for i in range(people) if u % 2 == i % 2 and u != i])
