"""Every feature, once: groups of features of one subject, as of a cutoff. The catalogue in docs/ is made from these."""

from collections.abc import Callable
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis import _

from tasks.features.ahead import calendar_group, promotion_group
from tasks.features.feature import Feature, columns
from tasks.features.group import Group, Past
from tasks.features.relations import Source, before, ratio
from tasks.params.ranker import FeatureParams
from tasks.schema import ITEM, SESSION, USER


def groups(params: FeatureParams, source: Source) -> list[Group]:
    """All groups that the shop's columns allow."""
    found = [user_group(params), item_group(params), pair_group(params)]
    found += [affinity_group(params, column) for column in source.visits]
    found.append(calendar_group())
    if params.promotions and source.promotions is not None:
        found.append(promotion_group())
    return found


def user_group(params: FeatureParams) -> Group:
    """Activity, recency, spend, basket size, breadth, rhythm, curiosity."""
    per_line = (
        Feature("user_lines_all", "Lines bought, ever.", lambda t: t.count()),
        Feature("user_unit_price_mean", "Mean price paid for one unit.", lambda t: t.unit_price.mean()),
        Feature("user_weekend_share", "Share of lines bought on Saturday or Sunday.", lambda t: t.weekend.mean()),
    )
    per_session = [
        Feature("user_sessions_all", "Visits with a purchase, ever.", lambda t: t.count()),
        Feature("user_recency_days", "Days since the last visit.", lambda t: t.age_days.min()),
        Feature("user_tenure_days", "Days since the first visit.", lambda t: t.age_days.max()),
        Feature("user_session_lines_mean", "Mean number of lines of a visit.", lambda t: t.lines.mean()),
        Feature("user_session_value_mean", "Mean money spent on a visit.", lambda t: t.value.mean()),
        Feature("user_gap_days_mean", "Mean days between visits.", lambda t: _mean_gap(t.age_days, t.count())),
    ]
    for days in params.windows_days:
        inside = _within(days)
        per_session += [
            Feature(f"user_sessions_{days}d", f"Visits in the last {days} days.", lambda t, w=inside: w(t).sum()),
            Feature(
                f"user_value_{days}d",
                f"Money spent in the last {days} days.",
                lambda t, w=inside: t.value.sum(where=w(t)).fill_null(0),
            ),
        ]
    days = params.windows_days[min(1, len(params.windows_days) - 1)]
    per_pair = (
        Feature("user_items_all", "Distinct items bought, ever.", lambda t: t.count()),
        Feature(
            f"user_new_items_share_{days}d",
            f"Of the items bought in the last {days} days, the share bought then for the first time.",
            lambda t: ratio((t.first_days <= days).sum(), (t.last_days <= days).sum()),
        ),
        Feature("user_repeat_share", "Share of items bought in two visits or more.", lambda t: (t.sessions > 1).mean()),
    )

    def compute(past: Past) -> ir.Table:
        sessions = past.lines.group_by(USER, SESSION).agg(
            age_days=_.age_days.min(), lines=_.count(), value=_.value.sum()
        )
        tables = ((past.lines, per_line), (sessions, tuple(per_session)), (past.pairs, per_pair))
        return _joined([t.group_by(USER).agg(**columns(features, t)) for t, features in tables], USER)

    return Group("user", (USER,), per_line + tuple(per_session) + per_pair, compute)


def item_group(params: FeatureParams) -> Group:
    """Popularity over several windows, trend, price, repeat-purchase rate, age."""
    short, long = params.windows_days[0], params.windows_days[-1]
    per_line = [
        Feature("item_sessions_all", "Visits in which it was bought, ever.", lambda t: t.count()),
        Feature("item_recency_days", "Days since it was last bought.", lambda t: t.age_days.min()),
        Feature("item_age_days", "Days since it was first bought.", lambda t: t.age_days.max()),
        Feature(
            f"item_unit_price_{long}d",
            f"Mean price of a unit in the last {long} days.",
            lambda t: t.unit_price.mean(where=t.age_days <= long),
        ),
        Feature(
            f"item_price_change_{short}d",
            f"Mean unit price of the last {short} days against that of the last {long}.",
            lambda t: ratio(
                t.unit_price.mean(where=t.age_days <= short),
                t.unit_price.mean(where=t.age_days <= long),
            ),
        ),
        Feature(
            f"item_trend_{short}d_{long}d",
            f"Visits a day of the last {short} days against those of the last {long}.",
            lambda t: ratio((t.age_days <= short).sum() / short, (t.age_days <= long).sum() / long),
        ),
    ]
    for days in params.windows_days:
        inside = _within(days)
        per_line += [
            Feature(
                f"item_sessions_{days}d",
                f"Visits in which it was bought in the last {days} days.",
                lambda t, w=inside: w(t).sum(),
            ),
        ]
    per_pair = [
        Feature(
            f"item_buyers_{days}d",
            f"Distinct users who bought it in the last {days} days.",
            lambda t, d=days: (t.last_days <= d).sum(),
        )
        for days in params.windows_days
    ]
    per_pair += [
        Feature("item_buyers_all", "Distinct users who bought it, ever.", lambda t: t.count()),
        Feature("item_repeat_share", "Share of its buyers who bought it again.", lambda t: (t.sessions > 1).mean()),
        Feature(
            "item_gap_days_mean",
            "Mean days between two purchases by the same user, over its repeat buyers.",
            lambda t: ratio(t.first_days - t.last_days, t.sessions - 1).mean(where=t.sessions > 1),
        ),
    ]

    def compute(past: Past) -> ir.Table:
        tables = ((past.lines, per_line), (past.pairs, per_pair))
        return _joined([t.group_by(ITEM).agg(**columns(features, t)) for t, features in tables], ITEM)

    return Group("item", (ITEM,), (*per_line, *per_pair), compute)


def pair_group(params: FeatureParams) -> Group:
    """What the user did with the item: count, decayed count, recency, mean gap, how due it is."""
    features = _cycle_features("pair", "the user bought the item", params)
    features += [
        Feature(
            f"pair_sessions_{days}d",
            f"Visits in which the user bought the item in the last {days} days.",
            lambda t, d=days: (t.age_days <= d).sum(),
        )
        for days in params.windows_days
    ]
    features += [
        Feature("pair_first_days", "Days since the user first bought it.", lambda t: t.age_days.max()),
        Feature("pair_quantity_mean", "Mean units bought at once.", lambda t: t.quantity.mean()),
        Feature("pair_unit_price_mean", "Mean price of a unit that the user paid.", lambda t: t.unit_price.mean()),
    ]

    def compute(past: Past) -> ir.Table:
        return past.lines.group_by(USER, ITEM).agg(**columns(features, past.lines))

    return Group("pair", (USER, ITEM), tuple(features), compute)


def affinity_group(params: FeatureParams, column: str) -> Group:
    """The user's taste for a category or a brand."""
    deed = f"the user bought of the item's {column}"
    features = _cycle_features(f"user_{column}", deed, params)

    def compute(past: Past) -> ir.Table:
        visits = before(past.source.visits[column], past.fold)
        return visits.group_by(USER, column).agg(**columns(features, visits))

    return Group(f"user_{column}", (USER, column), tuple(features), compute)


def _cycle_features(subject: str, deed: str, params: FeatureParams) -> list[Feature]:
    """How often, how lately, and how due: of whatever a user buys again and again. A row of the relation is a visit."""
    features = [
        Feature(f"{subject}_sessions_all", f"Visits in which {deed}, ever.", lambda t: t.count()),
        Feature(f"{subject}_recency_days", f"Days since {deed}.", lambda t: t.age_days.min()),
        Feature(
            f"{subject}_gap_days_mean",
            f"Mean days between the visits in which {deed}.",
            lambda t: _mean_gap(t.age_days, t.count()),
        ),
        Feature(
            f"{subject}_due_ratio",
            f"Days since {deed}, against the mean gap: 1 is due.",
            lambda t: ratio(t.age_days.min(), _mean_gap(t.age_days, t.count())),
        ),
    ]
    features += [
        Feature(
            f"{subject}_decayed_hl{days}d",
            f"Visits in which {deed}, each counting half as much every {days} days.",
            lambda t, h=float(days): (ibis.literal(0.5) ** (t.age_days / h)).sum(),
        )
        for days in params.half_lives_days
    ]
    return features


def _within(days: int) -> Callable[[Any], Any]:
    return lambda t: t.age_days <= days


def _mean_gap(age_days: Any, sessions: Any) -> Any:
    """Days between the first and the last, over the gaps between; missing where there is no gap."""
    return ratio(age_days.max() - age_days.min(), sessions - 1)


def _joined(tables: list[ir.Table], key: str) -> ir.Table:
    joined = tables[0]
    for table in tables[1:]:
        joined = joined.left_join(table, key).drop(f"{key}_right")
    return joined
