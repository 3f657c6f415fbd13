"""The profile of accepted data: what the next run's volume and event mix are compared with."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from tasks.schema import EVENT_TYPE, EVENTS, ITEM, TABLES, TIMESTAMP, USER, TableName


def profile_tables(raw: Mapping[TableName, pd.DataFrame], valid: Mapping[TableName, pd.DataFrame]) -> dict[str, Any]:
    """`raw` is what the next run's raw data is compared with; `valid` describes what the recommender learns from."""
    return {"raw": _profile(raw), "valid": _profile(valid)}


def previous_values(previous: Mapping[str, Any] | None) -> dict[str, Any]:
    """What suites may name of the previous run, such as `previous.rows.events`; None where unknown."""
    raw = previous["raw"] if previous else {"rows": {}, "event_mix": None}
    mix = raw["event_mix"]
    rows = {f"previous.rows.{name}": raw["rows"].get(name) for name in TABLES}
    return rows | {"previous.event_mix": mix and {"values": list(mix), "weights": list(mix.values())}}


def _profile(tables: Mapping[TableName, pd.DataFrame]) -> dict[str, Any]:
    events = tables[EVENTS]
    mix = events[EVENT_TYPE].value_counts(normalize=True).sort_index()
    return {
        "rows": {name: len(frame) for name, frame in tables.items()},
        "event_mix": {str(name): float(share) for name, share in mix.items()},
        "first_event": events[TIMESTAMP].min().isoformat(),
        "last_event": events[TIMESTAMP].max().isoformat(),
        "users": int(events[USER].nunique()),
        "items": int(events[ITEM].nunique()),
        "events_by_month": _events_by_month(events),
    }


def _events_by_month(events: pd.DataFrame) -> dict[str, int]:
    """UTC months; what the data quality page draws."""
    months = events[TIMESTAMP].dropna().dt.tz_localize(None).to_numpy("datetime64[M]")  # as text they take seconds
    found, counts = np.unique(months, return_counts=True)
    return {str(month): int(count) for month, count in zip(found, counts, strict=True)}
