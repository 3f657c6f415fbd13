"""What features are computed from: target events before a cutoff, with ages instead of timestamps."""

from dataclasses import dataclass
from datetime import UTC
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from tasks.folds import Fold
from tasks.params import ShopParams
from tasks.schema import BRAND, EVENT_TYPE, ITEM, QUANTITY, SESSION, TIMESTAMP, USER, VALUE, categories

_SECONDS_A_DAY = 86_400.0
_SATURDAY = 5
NO_CATEGORY = "(none)"


@dataclass(frozen=True)
class Source:
    """The valid tables as relations; `items` has at least its id, `promotions` may be missing."""

    lines: ir.Table
    """One row a (user, item, session) with a target event: see `purchase_lines`."""
    items: ir.Table
    promotions: ir.Table | None

    @property
    def groupings(self) -> list[str]:
        """Columns of items by which a user's taste is counted: the two narrowest categories, and the brand."""
        found = categories(list(self.items.columns))[-2:]
        return found + [c for c in (BRAND,) if c in self.items.columns]


def without_zone(events: pd.DataFrame, shop: ShopParams) -> pd.DataFrame:
    """Target events with timestamps as plain UTC, and whether the shop's own calendar had a weekend then.

    Zones end here: engines differ in what they make of them, and some need more than is installed.
    """
    hits = events.loc[events[EVENT_TYPE] == shop.target_event, [USER, ITEM, SESSION, TIMESTAMP, QUANTITY, VALUE]]
    local = hits[TIMESTAMP].dt.tz_convert(shop.time_zone)
    return hits.assign(
        **{TIMESTAMP: hits[TIMESTAMP].dt.tz_localize(None), "weekend": (local.dt.dayofweek >= _SATURDAY).astype("int8")}
    )


def purchase_lines(hits: ir.Table, items: ir.Table) -> ir.Table:
    """user, item, session, timestamp, quantity, value, unit price, weekend, and the item's categories and brand.

    One row a (user, item, session): what stands twice on one receipt is one line. Computed once for all folds.
    """
    lines = (
        hits.group_by(USER, ITEM, SESSION)
        .agg(timestamp=_[TIMESTAMP].min(), quantity=_[QUANTITY].sum(), value=_[VALUE].sum(), weekend=_.weekend.min())
        .mutate(
            unit_price=ibis.ifelse((_.quantity > 0) & (_.value > 0), ratio(_.value, _.quantity), ibis.null("float64"))
        )
    )
    groups = [c for c in (*categories(list(items.columns)), BRAND) if c in items.columns]
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
