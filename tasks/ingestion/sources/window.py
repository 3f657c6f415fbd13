"""Which events of a database a landing asks for: from where the last one came to, or from the beginning."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import ceil, floor
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy.engine import URL

from tasks.errors import DataContractError
from tasks.ingestion.landing import read_manifest
from tasks.ingestion.sources.chunks import Query
from tasks.params.shop import ShopParams
from tasks.params.source import QueryTable, SqlParams
from tasks.schema import EVENTS

FACTS = "sql"
"""In the manifest: what the next landing has to know."""
_READING = 1
"""Of the way to read events; a new number has all events read anew."""
_UNIX = {"unix_s": 1, "unix_ms": 1000}


@dataclass(frozen=True)
class Window:
    """Events are read in `since <= timestamp < until`; from the beginning where `since` is None."""

    since: datetime | None
    until: datetime

    def __str__(self) -> str:
        return "" if self.since is None else f", events since {self.since:%Y-%m-%d %H:%M} UTC"


def digest_of(queries: Sequence[Query], columns: Mapping[str, list[str]], address: URL, shop: ShopParams) -> str:
    """Of all that says what an event is. Where it is another one, what landed before is of no use."""
    about = {
        "reading": _READING,
        "database": [address.get_backend_name(), address.host, address.port, address.database],
        "time_zone": shop.time_zone,
        "events": [
            [query.table.model_dump(mode="json"), columns[query.param]] for query in queries if query.name == EVENTS
        ],
    }
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def start_of(params: SqlParams, digest: str, raw: Path, as_of: datetime) -> datetime | None:
    """None: all has to be read, since nothing landed that can be gone on from."""
    if not params.incremental:
        return None
    try:
        manifest = read_manifest(raw)
        rows = pq.read_metadata(raw / "events.parquet").num_rows
    except (DataContractError, FileNotFoundError, pa.ArrowInvalid):
        return None
    facts: dict[str, Any] = manifest.get(FACTS, {})
    if facts.get("digest") != digest or manifest["rows"].get(EVENTS) != rows or None in facts["watermarks"].values():
        return None
    newest = [datetime.fromisoformat(instant) for instant in facts["watermarks"].values()]
    return min(newest) - timedelta(days=params.late_days) if max(newest) < as_of else None


def bounds_of(
    value: object, table: QueryTable, shop: ShopParams, since: datetime, until: datetime
) -> tuple[object, object] | None:
    """The window in the database's own kind of time, told by one of its values. None: all, as texts cannot be compared.

    A local time tells an instant but for the hour that the clock shows twice, so a day more is asked for at both ends.
    """
    unit = _UNIX.get(table.timestamp_format or "")
    if unit and isinstance(value, int | float | Decimal):
        return floor(since.timestamp() * unit), ceil(until.timestamp() * unit)
    if isinstance(value, datetime) and value.tzinfo is not None:
        return since, until
    zone, day = ZoneInfo(table.timestamp_zone or shop.time_zone), timedelta(days=1)
    start, end = (t.astimezone(zone).replace(tzinfo=None) for t in (since - day, until + day))
    if isinstance(value, datetime):
        return start, end
    return (start.date(), end.date()) if isinstance(value, date) else None
