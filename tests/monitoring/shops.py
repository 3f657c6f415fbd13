"""A shop whose weeks are all alike, and what may happen in one of them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from tasks.ingestion.valid import Valid
from tasks.monitoring.behaviour import Behaviour
from tasks.params.shop import ShopParams

SHOP = ShopParams(time_zone="UTC")
WEEK = timedelta(days=7)
START = datetime(2024, 1, 1, tzinfo=UTC)
USERS, ITEMS, WEEKS = 400, 60, 16
KNOWN = START + (WEEKS - 1) * WEEK
"""The week after it is the newest."""
END = KNOWN + WEEK
Happening = Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]


def shop(seed: int, happens: Happening | None = None, weeks: int = WEEKS) -> Valid:
    """`happens` to the events of the last week."""
    rng = np.random.default_rng(seed)
    parts = [_week(n, rng) for n in range(weeks)]
    if happens is not None:
        parts[-1] = happens(parts[-1], rng)
    items = pd.DataFrame({"item_id": np.arange(2 * ITEMS)})
    items["category_1"] = [f"section {n % 5}" for n in items["item_id"]]
    return Valid(pd.concat(parts, ignore_index=True), items, pd.DataFrame({"user_id": np.arange(USERS)}), None)


def behaviour(seed: int, happens: Happening | None = None) -> Behaviour:
    return Behaviour.of(shop(seed, happens), SHOP)


def _week(number: int, rng: np.random.Generator) -> pd.DataFrame:
    """Each user comes with a chance of 0.8 and does a handful of things; popular items are bought more."""
    active = np.flatnonzero(rng.random(USERS) < 0.8)
    users = np.repeat(active, 1 + rng.poisson(4, len(active)))
    popular = 1 / np.arange(1, ITEMS + 1)
    seconds = rng.integers(0, 7 * 86400, len(users))
    return pd.DataFrame(
        {
            "user_id": users,
            "item_id": rng.choice(ITEMS, len(users), p=popular / popular.sum()),
            "event_type": rng.choice(["purchase", "view"], len(users), p=[0.4, 0.6]),
            "timestamp": pd.Timestamp(START + number * WEEK) + pd.to_timedelta(seconds, unit="s"),
            "session_id": users,
            "quantity": 1,
            "value": np.round(rng.lognormal(1, 0.5, len(users)), 2),
        }
    )
