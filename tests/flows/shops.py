"""A small shop whose right answers are known, as the exports that a shop would bring."""

from pathlib import Path

import numpy as np
import pandas as pd

USERS, ITEMS, WEEKS = 200, 60, 12
LAST_DAY = pd.Timestamp("2024-03-31")
SECTIONS = ("bakery", "dairy", "garden", "toys")


def write_exports(folder: Path, seed: int = 7) -> None:
    """`events.csv`, `items.csv`, `users.csv`. Each shopper buys in one section of the shop, some items every week,
    others once; so what was bought before and what neighbours buy both say something about the last week."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    items = pd.DataFrame({"sku": [f"sku-{n:02d}" for n in range(ITEMS)]})
    items["name"] = [f"{SECTIONS[n % 4].title()} article {n}" for n in range(ITEMS)]
    items["section"] = [SECTIONS[n % 4] for n in range(ITEMS)]
    items["brand"] = [f"brand {n % 7}" for n in range(ITEMS)]
    items.to_csv(folder / "items.csv", index=False)
    shoppers = pd.DataFrame({"customer": [f"c{n:03d}" for n in range(USERS)]})
    shoppers["club"] = np.where(np.arange(USERS) % 3 == 0, "gold", "none")
    shoppers.to_csv(folder / "users.csv", index=False)
    purchases(rng).to_csv(folder / "events.csv", index=False)


def purchases(rng: np.random.Generator, weeks: int = WEEKS, last_day: pd.Timestamp = LAST_DAY) -> pd.DataFrame:
    rows = []
    for user in range(USERS):
        section = np.arange(user % 4, ITEMS, 4)
        liked = rng.permutation(section)
        weekly, sometimes = liked[:4], liked[4:]
        for week in range(weeks):
            day = last_day - pd.Timedelta(days=7 * (weeks - 1 - week) + int(rng.integers(0, 7)))
            basket = [*weekly[rng.random(4) < 0.7], *rng.choice(sometimes, 2, replace=False)]
            basket += [int(rng.integers(0, ITEMS))] * int(rng.random() < 0.3)
            for item in dict.fromkeys(int(i) for i in basket):
                when = day + pd.Timedelta(hours=int(rng.integers(8, 20)), minutes=int(rng.integers(0, 60)))
                rows.append((f"c{user:03d}", f"sku-{item:02d}", f"{when:%Y-%m-%d %H:%M}", 1, 1.0 + item % 9))
    return pd.DataFrame(rows, columns=["customer", "sku", "bought_at", "pieces", "paid"])


SOURCE = {
    "adapter": "files",
    "as_of": "2024-04-01T00:00:00+00:00",
    "tables": {
        "events": {
            "path": "exports/events.csv",
            "columns": {
                "user_id": "customer",
                "item_id": "sku",
                "timestamp": "bought_at",
                "quantity": "pieces",
                "value": "paid",
            },
            "constants": {"event_type": "purchase"},
        },
        "items": {
            "path": "exports/items.csv",
            "columns": {"item_id": "sku", "title": "name", "category_1": "section"},
        },
        "users": {"path": "exports/users.csv", "columns": {"user_id": "customer"}},
    },
}
