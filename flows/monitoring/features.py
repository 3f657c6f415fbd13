"""Feature tables of the newest data and of past weeks, all made by the champion's own code."""

import math
from pathlib import Path

import pandas as pd
import yaml

from flows.champion import Champion
from flows.duel import Shipped, call_version
from tasks.folds import targets
from tasks.monitoring.features import Tables
from tasks.params.monitoring import MonitoringParams
from tasks.schema import TIMESTAMP
from tasks.versioning.process import OnLine

_FEATURES = "features"
"""In a bundle, and in the scratch folder: a folder of tables."""
_LATER = ("serve", "test", "validation")
"""Folds from the newest on; before them come train-1, train-2, …"""
_MOST_TRAIN = 104


def feature_tables(
    shipped: Shipped,
    valid: Path,
    learned: Champion,
    events: pd.DataFrame,
    params: MonitoringParams,
    scratch: Path,
    on_line: OnLine,
) -> tuple[Tables, list[Tables]]:
    """What the ranker would read now, beside what it shipped with; and pairs of weeks as far apart, of before.

    A pair is at most `feature_past` horizons apart, so the drift of an older ranker is held against less.
    Raises ShoprecError where the champion's code cannot make them.
    """
    newest, serve = learned.folds(events)
    passed = (serve.cutoff - learned.as_of) / newest.horizon
    apart = min(max(1, round(passed)), params.feature_past)
    skipped = max(0, math.ceil(passed - 1e-3))
    first = targets(events, learned.shop)[TIMESTAMP].min()
    oldest = min(int((serve.cutoff - first) / newest.horizon), _MOST_TRAIN + len(_LATER) - 1)
    pairs = max(0, min(params.feature_past, oldest - skipped - apart + 1))
    needed = max(skipped + apart + pairs - 1, len(_LATER))
    own = yaml.safe_load(shipped.params.read_text(encoding="utf-8"))
    own["folds"]["train"] = needed - len(_LATER) + 1
    (scratch / "params.yaml").write_text(yaml.safe_dump(own), encoding="utf-8")
    files = ["--params", "params.yaml", "--valid", str(valid), "--features", _FEATURES]
    call_version(shipped.code, files, scratch, on_line, "tasks.features")
    made = scratch / _FEATURES
    past = [Tables(made / _name(n), made / _name(n + apart)) for n in range(skipped, skipped + pairs)]
    return Tables(made / "serve", shipped.ranker.parent / _FEATURES), past


def _name(weeks_ago: int) -> str:
    return _LATER[weeks_ago] if weeks_ago < len(_LATER) else f"train-{weeks_ago - len(_LATER) + 1}"
