"""A few hundred households of The Complete Journey, delivered week by week, as a shop's data team would."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from tasks.ingestion.canonical import canonical
from tasks.ingestion.sources.complete_journey import STORE_ZONE, fetch_complete_journey
from tasks.schema import ITEM, TIMESTAMP, USER
from tests.flows.conftest import PROJECT, SMALLER_STEPS, with_own_stages, with_remote_and_suites

HOUSEHOLDS = 400
WEEKS_BEFORE = 14
"""Of history, when the first week arrives."""
FIRST = pd.Timestamp("2017-09-04", tz=STORE_ZONE)
SOURCE = {
    "adapter": "files",
    "tables": {
        "events": {"path": "exports/events.parquet"},
        "items": {"path": "exports/items.parquet"},
        "users": {"path": "exports/users.parquet"},
    },
}
QUICK = {"rounds": 120, "patience": 20, "boosters": 1, "folds": None}


@dataclass(frozen=True)
class Journey:
    root: Path
    events: pd.DataFrame
    """Of all weeks."""

    def delivers(self, week: int, bad: bool = False) -> None:
        """All that was bought until the end of that week, from 0; `bad`: all that week the till counts backwards."""
        end = FIRST + pd.Timedelta(weeks=week + 1)
        begin = FIRST - pd.Timedelta(weeks=WEEKS_BEFORE)
        seen = self.events[self.events[TIMESTAMP].between(begin, end, inclusive="left")].copy()
        if bad:
            newest = seen[TIMESTAMP] >= end - pd.Timedelta(weeks=1)
            seen.loc[newest, "quantity"] = -seen.loc[newest, "quantity"]
        seen.to_parquet(self.root / "exports" / "events.parquet", index=False)
        self.change(source=SOURCE | {"as_of": end.isoformat()})

    def change(self, **sections: Mapping[str, Any]) -> None:
        """Of params.yaml, as a person edits it."""
        path = self.root / "params.yaml"
        params = yaml.safe_load(path.read_text(encoding="utf-8"))
        for name, section in sections.items():
            params[name] = _merged(params[name], section) if name != "source" else dict(section)
        path.write_text(yaml.safe_dump(params), encoding="utf-8")


def journey(root: Path) -> Journey:
    """The project with all its stages and its households, before the first week was delivered."""
    tables = canonical(fetch_complete_journey())
    chosen = tables["users"][USER].sample(HOUSEHOLDS, random_state=7)
    events = tables["events"][tables["events"][USER].isin(chosen)]
    (root / "exports").mkdir(parents=True)
    items = tables["items"][tables["items"][ITEM].isin(events[ITEM])]
    items.to_parquet(root / "exports" / "items.parquet", index=False)
    tables["users"][tables["users"][USER].isin(chosen)].to_parquet(root / "exports" / "users.parquet", index=False)
    with_own_stages(root)
    with_remote_and_suites(root)
    params = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    params["folds"]["train"] = 2
    params["candidates"]["universe_min_buyers"] = 3
    params["ranker"] = {task: of | QUICK for task, of in params["ranker"].items()}
    params["ranker"]["all"] |= SMALLER_STEPS
    params["ranker"]["new"] |= {"lambda_l2": 50.0}  # hundreds of first purchases to learn from, not thousands
    params["source"] = SOURCE
    (root / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    return Journey(root, events)


def _merged(section: Any, change: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **section,
        **{k: _merged(section[k], v) if isinstance(v, Mapping) else v for k, v in change.items()},
    }
