"""The year of a made-up shop, and when people shop in it: as measured in The Complete Journey, local time."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

WEEKS = 52
DAYS = 7 * WEEKS
FIRST_DAY = pd.Timestamp("2017-01-02", tz="UTC")
"""A Monday."""
AS_OF = FIRST_DAY + pd.Timedelta(days=DAYS)
WEEKDAYS = (0.1411, 0.1283, 0.1237, 0.1226, 0.1342, 0.1668, 0.1832)
"""Shares of all purchases, from Monday on."""
HOURS = (
    *(0.0080, 0.0039, 0.0049, 0.0019, 0.0014, 0.0019, 0.0064, 0.0125, 0.0193, 0.0283, 0.0427, 0.0590),
    *(0.0664, 0.0675, 0.0707, 0.0770, 0.0899, 0.1012, 0.0950, 0.0806, 0.0658, 0.0490, 0.0308, 0.0160),
)
"""Shares of all visits, from midnight on."""
DAY_S = 86_400


def visit_seconds(joined: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """An instant of a visit for each of `joined`, in seconds from the first midnight; none before that share of the
    year has gone."""
    by_day = np.cumsum(np.tile(WEEKDAYS, WEEKS)) / (WEEKS * sum(WEEKDAYS))
    share = joined + (1 - joined) * rng.random(len(joined))
    day = np.minimum(np.searchsorted(by_day, share), DAYS - 1)
    hours = np.cumsum(HOURS) / sum(HOURS)
    hour = np.searchsorted(hours[:-1], rng.random(len(joined)), side="right")
    return day * DAY_S + hour * 3600 + rng.integers(0, 3600, len(joined))
