"""A made-up shop of any size, as exports that the `files` adapter reads.

    python -m tests.benchmarks.made_up.shop --events 1500000 --out exports

It has the marginals of The Complete Journey: the popularity of items and how they come and go, how much each shopper
buys, weekdays and hours, baskets, what is bought again and when, categories, prices, promotions. Larger shops have more
shoppers over the same year, each as busy; their catalogue grows with the root of that.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.schema import EVENTS, ITEM, ITEMS, PROMOTIONS, QUANTITY, SESSION, TIMESTAMP, USER, USERS, VALUE
from tests.benchmarks.made_up.baskets import Lines
from tests.benchmarks.made_up.calendar import AS_OF, DAY_S, FIRST_DAY
from tests.benchmarks.made_up.catalogue import Catalogue
from tests.benchmarks.made_up.shoppers import EVENTS_A_SHOPPER, Shoppers, Visits

REAL_EVENTS, REAL_ITEMS = 1_441_423, 130_000
SEED = 7
_FEWEST_ITEMS = 2_000
_QUANTITIES = (0.80, 0.147, 0.0264, 0.0156, 0.011)
"""Shares of lines with 1, 2, … pieces."""
_OFF = 0.8
"""What of its price is left while it is in the mailer."""
_US = 1_000_000
TABLES = (EVENTS, ITEMS, USERS, PROMOTIONS)


def params(exports: str = "exports") -> dict[str, Any]:
    """The sections of `params.yaml` that a shop of its own replaces; `exports` is relative to the project."""
    tables: dict[str, Any] = {name: {"path": f"{exports}/{name}.parquet"} for name in TABLES}
    tables[EVENTS]["constants"] = {"event_type": "purchase"}
    return {
        "shop": {"time_zone": "UTC", "target_event": "purchase"},
        "source": {"adapter": "files", "as_of": AS_OF.isoformat(), "tables": tables},
        "clean": {"exclude": {}, "require_catalogue": True, "max_quantity": None},
    }


def write_shop(folder: Path, events: int, seed: int = SEED) -> int:
    """`events`, `items`, `users` and `promotions` as Parquet; tells how many events there are, about as many as asked.

    The same number and seed give the same bytes, with the same libraries.
    """
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    catalogue = Catalogue.draw(max(_FEWEST_ITEMS, round(REAL_ITEMS * (events / REAL_EVENTS) ** 0.5)), rng)
    shoppers = Shoppers.draw(max(1, round(events / EVENTS_A_SHOPPER)), rng)
    item_ids = np.sort(rng.choice(20 * len(catalogue.aisle), len(catalogue.aisle), replace=False)).astype(np.int64)
    user_ids = np.arange(1, len(shoppers.events) + 1)
    _write(pa.Table.from_pandas(catalogue.items(item_ids, rng), preserve_index=False), folder / f"{ITEMS}.parquet")
    _write(pa.Table.from_pandas(shoppers.users(user_ids, rng), preserve_index=False), folder / f"{USERS}.parquet")
    promotions = pa.Table.from_pandas(catalogue.promotions(item_ids, rng), preserve_index=False)
    _write(promotions, folder / f"{PROMOTIONS}.parquet")
    visits = Visits.draw(shoppers, rng)
    lines = Lines.draw(events, shoppers, visits, catalogue, rng)
    _write(_events(lines, visits, catalogue, item_ids, user_ids, rng), folder / f"{EVENTS}.parquet")
    return len(lines.visit)


def _events(
    lines: Lines,
    visits: Visits,
    catalogue: Catalogue,
    item_ids: np.ndarray,
    user_ids: np.ndarray,
    rng: np.random.Generator,
) -> pa.Table:
    """In the order of time, column by column: a large shop has no room for all of them twice."""
    order = np.argsort(visits.second[lines.visit], kind="stable")
    visit, item = lines.visit[order], lines.item[order]
    del order
    second = visits.second[visit]
    pieces = 1 + np.searchsorted(np.cumsum(_QUANTITIES)[:-1], rng.random(len(visit)), side="right")
    off = np.where(catalogue.is_promoted(item, second // DAY_S), _OFF, 1.0)
    start = FIRST_DAY.value // 1000
    columns = {
        USER: pa.array(user_ids[visits.user[visit]]),
        ITEM: pa.array(item_ids[item]),
        TIMESTAMP: pa.array(start + second * _US, pa.timestamp("us", tz="UTC")),
        SESSION: pa.array(visit.astype(np.int64) + 1),
        QUANTITY: pa.array(pieces.astype(np.int64)),
        VALUE: pa.array(np.round(catalogue.price[item] * off * pieces, 2)),
    }
    return pa.table(columns)


def _write(table: pa.Table, path: Path) -> None:
    pq.write_table(table.replace_schema_metadata(None), path, compression="zstd")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.made_up.shop", description=__doc__)
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--out", type=Path, required=True, help="folder to fill with the exports")
    given = parser.parse_args()
    write_shop(given.out, given.events, given.seed)


if __name__ == "__main__":
    main()
