"""What features are computed from: target events before a cutoff, with ages instead of timestamps."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from tasks.folds import Fold
from tasks.params.shop import ShopParams
from tasks.schema import BRAND, EVENT_TYPE, ITEM, QUANTITY, SESSION, TIMESTAMP, USER, VALUE, categories

_SECONDS_A_DAY = 86_400.0
_SATURDAY = 5
_DAY = "day"
NO_CATEGORY = "(none)"


@dataclass(frozen=True)
class Source:
    """What the valid tables come down to, over all time, as relations."""

    lines: ir.Table
    """One row a (user, item, session) with a target event: see `purchase_lines`."""
    visits: Mapping[str, ir.Table]
    """By each of `groupings`: see `visits_of`."""
    promotions: ir.Table | None


def groupings(columns: Sequence[str]) -> list[str]:
    """Of the columns of items those by which a user's taste is counted: the two narrowest categories, and the brand."""
    return categories(list(columns))[-2:] + [c for c in (BRAND,) if c in columns]


def described_by(columns: Iterable[str]) -> list[str]:
    """Of the columns of items those that lines are described by: the categories, and the brand."""
    known = list(columns)
    return [c for c in (*categories(known), BRAND) if c in known]


def visits_of(lines: ir.Table, column: str) -> ir.Table:
    """One row a (user, value of `column`, session), with its timestamp: a visit with something of that value."""
    visits = lines.group_by(USER, column, SESSION, _DAY).agg(timestamp=_[TIMESTAMP].min()).drop(_DAY)
    return visits.order_by(TIMESTAMP, USER, column, SESSION)


def without_zone(events: pd.DataFrame, shop: ShopParams) -> pd.DataFrame:
    """Target events with timestamps as plain UTC, their day by the shop's own calendar, and whether it was a weekend's.

    Zones end here: engines differ in what they make of them, and some need more than is installed.
    """
    hits = events.loc[events[EVENT_TYPE] == shop.target_event, [USER, ITEM, SESSION, TIMESTAMP, QUANTITY, VALUE]]
    local = hits[TIMESTAMP].dt.tz_convert(shop.time_zone).dt.tz_localize(None)
    calendar = {_DAY: local.dt.normalize(), "weekend": (local.dt.day_of_week >= _SATURDAY).astype("int8")}
    return hits.assign(**{TIMESTAMP: hits[TIMESTAMP].dt.tz_localize(None), **calendar})


def purchase_lines(hits: ir.Table, items: ir.Table) -> ir.Table:
    """user, item, session, day, timestamp, quantity, value, unit price, weekend, and the item's categories and brand.

    One row a (user, item, session): what stands twice on one receipt is one line. A session that passes midnight is one
    on each day: folds are cut there, and a line holds nothing of what its session bought after. Computed once for all.
    """
    lines = (
        hits.group_by(USER, ITEM, SESSION, _DAY)
        .agg(timestamp=_[TIMESTAMP].min(), quantity=_[QUANTITY].sum(), value=_[VALUE].sum(), weekend=_.weekend.min())
        .mutate(
            unit_price=ibis.ifelse((_.quantity > 0) & (_.value > 0), ratio(_.value, _.quantity), ibis.null("float64"))
        )
    )
    groups = described_by(items.columns)
    described = items.select(ITEM, **{c: items[c].cast("string").fill_null(ibis.literal(NO_CATEGORY)) for c in groups})
    joined = lines.left_join(described, ITEM).drop(f"{ITEM}_right")
    return joined.mutate(**{c: _[c].fill_null(NO_CATEGORY) for c in groups}).order_by(TIMESTAMP, USER, ITEM, SESSION)


def before(lines: ir.Table, fold: Fold) -> ir.Table:
    """The lines strictly before the cutoff, with `age_days`, above 0, in place of the timestamp."""
    cutoff = fold.cutoff.astimezone(UTC).replace(tzinfo=None)
    age = (int(cutoff.replace(tzinfo=UTC).timestamp()) - _[TIMESTAMP].epoch_seconds()).cast("float64") / _SECONDS_A_DAY
    return lines.filter(_[TIMESTAMP] < ibis.literal(cutoff)).mutate(age_days=age).drop(TIMESTAMP)


def ratio(top: Any, bottom: Any) -> Any:
    """top / bottom, missing where the bottom is 0 or missing."""
    return top.cast("float64") / bottom.cast("float64").nullif(0.0)
