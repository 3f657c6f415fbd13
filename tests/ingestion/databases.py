"""A shop's database, made by SQL, and landings from it in this process and in others."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa
import yaml

from tasks.ingestion.landing import Written, land_written
from tasks.ingestion.sources import writer
from tasks.ingestion.storage import read_tables
from tasks.params.shop import ShopParams
from tasks.params.source import SourceParams

PROJECT = Path(__file__).parents[2]
BERLIN = ShopParams(time_zone="Europe/Berlin")
FIRST = datetime(2024, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
END_OF_2024 = datetime(2025, 1, 1, tzinfo=UTC)
ROWS, DAYS = 1440, 30
END = FIRST + DAYS * DAY
EVERY = DAYS * DAY / ROWS
"""From one event to the next."""
COLUMNS = {
    "user_id": "customer",
    "item_id": "sku",
    "timestamp": "bought_at",
    "session_id": "receipt",
    "quantity": "pieces",
    "value": "paid",
}
ORDERS = "SELECT * FROM orders"
VARIABLE = "SHOPREC_SOURCE"
_TABLE = """
    CREATE TABLE orders AS
    SELECT n AS id, 'K-' || n % 997 AS customer, n * 31 % 499 AS sku, n / 3 AS receipt, n % 5 + 1 AS pieces,
        (n % 900 / 100.0 + 0.99)::numeric(10, 2) AS paid,
        timestamptz '2024-01-01 00:00:00+00' + n * (interval '1 day' * :days / :rows) AS bought_at
    FROM generate_series(0, :rows - 1) AS n
"""


def make_orders(address: str, rows: int, days: int) -> None:
    """`rows` of a table `orders`, evenly over `days` from `FIRST` on, in PostgreSQL."""
    run_sql(address, _TABLE, rows=rows, days=days)
    run_sql(address, "CREATE INDEX ON orders (bought_at)")


def run_sql(address: str, statement: str, **values: Any) -> None:
    engine = sa.create_engine(address)
    with engine.begin() as connection:
        connection.execute(sa.text(statement), values)
    engine.dispose()


def events_of(query: str = ORDERS, **more: Any) -> dict[str, Any]:
    return {"query": query, "columns": COLUMNS, "constants": {"event_type": "purchase"}} | more


def source_of(events: Any, as_of: datetime, **more: Any) -> dict[str, Any]:
    """The section `source`; `more` is of `source.sql`, but for further tables in `tables`."""
    tables = {"events": events} | more.pop("tables", {})
    return {"adapter": "sql", "as_of": as_of.isoformat(), "sql": {"tables": tables} | more}


def land(root: Path, events: Any, as_of: datetime, shop: ShopParams = BERLIN, **more: Any) -> tuple[bool, Written]:
    """Into `root/raw`, from the database that the environment names."""
    params = SourceParams(**source_of(events, as_of, **more))
    raw = root / "raw"
    return land_written(writer(params, shop, root, raw, as_of), root / "profile.json", raw, as_of, params.adapter)


def events_in(root: Path) -> pd.DataFrame:
    return read_tables(root / "raw")["events"]


def bytes_of(root: Path, name: str = "events") -> bytes:
    return (root / "raw" / f"{name}.parquet").read_bytes()


def start_landing(root: Path, events: Any, as_of: datetime, address: str, **more: Any) -> subprocess.Popen[str]:
    """`flows.landing` as the flow starts it, in a process of its own, which tells its peak memory in MiB at the end."""
    params = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    params |= {"shop": {"time_zone": "Europe/Berlin"}, "source": source_of(events, as_of, **more)}
    (root / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    program = (
        "import atexit, resource, sys\n"
        "atexit.register(lambda: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024))\n"
        "from flows.landing import main\n"
        "from tasks.stage import run_stage\n"
        "run_stage(main)\n"
    )
    arguments = ["--params", "params.yaml", "--raw", "raw", "--profile", "profile.json"]
    env = os.environ | {"PYTHONPATH": str(PROJECT), VARIABLE: address}
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        cwd=root,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def manifest_of(root: Path) -> dict[str, Any]:
    return json.loads((root / "raw" / "manifest.json").read_text(encoding="utf-8"))
