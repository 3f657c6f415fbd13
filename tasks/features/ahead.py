"""What is known ahead of the horizon: its place in the calendar, and what is promoted in it."""

from datetime import datetime, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis import _

from tasks.features.feature import Feature, columns
from tasks.features.group import Group, Past
from tasks.features.relations import ratio
from tasks.schema import ITEM

_YEAR_DAYS = 364
"""52 weeks: the same days of the week a year ago."""


def calendar_group() -> Group:
    """Weekend and season: an item of the weekend, of summer, of the weeks before a feast."""
    features = (
        Feature("item_weekend_share", "Share of its visits on Saturday or Sunday.", lambda t: t.weekend.mean()),
        Feature(
            f"item_season_ratio_{_YEAR_DAYS}d",
            f"Visits on the horizon's days {_YEAR_DAYS} days ago, against the mean of as many days since; missing for"
            " an item that is younger.",
            lambda t: ibis.ifelse(
                t.age_days.max() >= _YEAR_DAYS,
                ratio(t.season.sum(), (t.age_days <= _YEAR_DAYS).sum()),
                ibis.null("float64"),
            ),
        ),
    )

    def compute(past: Past) -> ir.Table:
        days = past.fold.horizon / timedelta(days=1)
        then = (_.age_days <= _YEAR_DAYS) & (_.age_days > _YEAR_DAYS - days)
        lines = past.lines.mutate(season=ibis.ifelse(then, _YEAR_DAYS / days, 0.0))
        return lines.group_by(ITEM).agg(**columns(features, lines))

    return Group("calendar", (ITEM,), features, compute)


def promotion_group() -> Group:
    """Known ahead of time: what is promoted in the horizon."""
    features = (
        Feature(
            "item_promotion_reach_horizon", "Widest reach of its promotions in the horizon.", lambda t: t.ahead.max()
        ),
        Feature("item_promotion_reach_before", "The same in as many days before.", lambda t: t.behind.max()),
        Feature(
            "item_promotion_kinds_horizon",
            "Kinds of promotion in the horizon.",
            lambda t: t.kind.nunique(where=t.ahead > 0),
        ),
        Feature(
            "item_promotion_reach_sum_horizon",
            "Reaches of its promotions in the horizon, added up.",
            lambda t: t.ahead.sum(),
        ),
    )

    def compute(past: Past) -> ir.Table:
        assert past.source.promotions is not None
        cutoff = past.fold.cutoff.replace(tzinfo=None)
        horizon = past.fold.horizon
        promotions = past.source.promotions

        def reach(start: datetime, end: datetime) -> Any:
            overlaps = (_.start < ibis.literal(end)) & (_.end > ibis.literal(start))
            return ibis.ifelse(overlaps, _.reach, 0.0)

        near = promotions.mutate(ahead=reach(cutoff, cutoff + horizon), behind=reach(cutoff - horizon, cutoff))
        near = near.filter((_.ahead > 0) | (_.behind > 0))
        return near.group_by(ITEM).agg(**columns(features, near))

    return Group("promotion", (ITEM,), features, compute)
