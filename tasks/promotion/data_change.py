"""What is new in the data that a challenger learned from, since the champion."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import pandas as pd

from tasks.schema import EVENTS, ITEM, TIMESTAMP


@dataclass(frozen=True)
class Extent:
    """How much data one version learned from."""

    events: int
    users: int
    items: int
    """With an event."""
    newest: str
    """Event; UTC, ISO 8601."""

    @classmethod
    def of(cls, profile: Mapping[str, Any]) -> Self:
        """`profile` is that of the valid data: `profile.valid` in `data_quality.json`."""
        return cls(profile["rows"][EVENTS], profile["users"], profile["items"], profile["last_event"])


@dataclass(frozen=True)
class DataChange:
    champion: Extent
    challenger: Extent
    new_items: float
    """Share of the challenger's items whose first event is after the champion's newest."""


def data_change(champion: Mapping[str, Any], challenger: Mapping[str, Any], events: pd.DataFrame) -> DataChange:
    """Both are profiles of valid data; `events` (`item_id, timestamp`) are the challenger's."""
    before = Extent.of(champion)
    first = events.groupby(ITEM)[TIMESTAMP].min()
    return DataChange(before, Extent.of(challenger), float((first > pd.Timestamp(before.newest)).mean()))
