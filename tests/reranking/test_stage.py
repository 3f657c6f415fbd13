"""The stage `rerank` on shops from which nothing can be learned."""

from pathlib import Path

import pandas as pd
import pytest

from tasks.errors import DataContractError
from tests.shop import furnish, learn


def test_where_everybody_has_everything_there_is_nothing_new_to_learn(tmp_path: Path) -> None:
    """Five items, which each of ten shoppers buys every day."""
    days = pd.date_range("2024-01-01", "2024-02-18", freq="D", tz="UTC", unit="us")
    every = pd.MultiIndex.from_product([days, range(10), range(5)], names=["timestamp", "user_id", "item_id"])
    events = every.to_frame(index=False).assign(event_type="purchase", quantity=1, value=1.0)
    events["session_id"] = events["user_id"].astype(str) + "@" + events["timestamp"].dt.strftime("%Y-%m-%d")
    with pytest.raises(DataContractError, match="task new: no candidate of the train folds was bought in its horizon"):
        learn(furnish(tmp_path, {"events": events}))
