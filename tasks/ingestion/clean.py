"""Cleaning: rows that keep the contract, and still are nothing to learn from. Each removal has a rule and a reason."""

from dataclasses import dataclass

import pandas as pd

from tasks.errors import ParamsError
from tasks.params.shop import ShopParams
from tasks.params.source import CleanParams
from tasks.schema import EVENT_TYPE, ITEM, QUANTITY, SESSION, TIMESTAMP, USER, VALUE

RULE = "rule"
REASON = "reason"
_EXCLUDED = "excluded_"
_PARAMS = {
    "without_item": "source.tables.events.columns.item_id",
    "impossible_quantity": "source.tables.events.columns.quantity",
    "impossible_value": "source.tables.events.columns.value",
    "too_large_quantity": "clean.max_quantity",
}


@dataclass(frozen=True)
class Cleaned:
    events: pd.DataFrame
    items: pd.DataFrame | None
    removed_events: pd.DataFrame
    """`rule, reason`, by the label of the given events' row."""
    removed_items: pd.DataFrame
    notes: tuple[str, ...]
    """What was filled in, and exclusions that match nothing."""


def clean(events: pd.DataFrame, items: pd.DataFrame | None, params: CleanParams, shop: ShopParams) -> Cleaned:
    """Remove what is no merchandise or cannot have happened, then fill what can be told: session and quantity.

    An event without an item (a search) teaches nothing yet. A line is impossible if it is of the target event and has
    a quantity <= 0 or a value < 0. Rows keep their labels.
    Raises ParamsError if `params.exclude` names a column that the items do not have.
    """
    removed_items, notes = _excluded(items, params)
    removed_events = _removed_events(events, items, removed_items, params, shop)
    kept, filled = _fill(events.drop(index=removed_events.index), shop)
    items = items.drop(index=removed_items.index) if items is not None else None
    return Cleaned(kept, items, removed_events, removed_items, notes + filled)


def param_of(rule: str) -> str:
    """The param that decides what a rule of cleaning removes, or where the column that it judges comes from."""
    return _PARAMS[rule] if rule in _PARAMS else f"clean.exclude.{rule.removeprefix(_EXCLUDED)}"


def _excluded(items: pd.DataFrame | None, params: CleanParams) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The items that `clean.exclude` names, and the values that no item has."""
    if items is None:
        if params.exclude:
            raise ParamsError("clean.exclude names columns of items, but this shop has no items table; set it to {}")
        return _first_of_each_row([]), ()
    removed, notes = [], []
    for column, values in params.exclude.items():
        if column not in items:
            raise ParamsError(f"clean.exclude names the item column '{column}'; the items have {list(items)}")
        text = items[column].astype("str")
        removed.append(_ruled(text[text.isin(values)], f"{_EXCLUDED}{column}", f"no merchandise: {column} is "))
        unmatched = sorted(set(values) - set(text.dropna().unique()))
        if unmatched:
            notes.append(f"clean.exclude.{column} names values that no item has: {', '.join(unmatched)}")
    return _first_of_each_row(removed), tuple(notes)


def _removed_events(
    events: pd.DataFrame,
    items: pd.DataFrame | None,
    removed_items: pd.DataFrame,
    params: CleanParams,
    shop: ShopParams,
) -> pd.DataFrame:
    target = events[EVENT_TYPE] == shop.target_event
    impossible_quantity = target & (events[QUANTITY] <= 0).fillna(False)
    impossible_value = target & (events[VALUE] < 0).fillna(False)
    found = [
        _ruled(events[EVENT_TYPE][events[ITEM].isna()], "without_item", "an event without an item: "),
        _of_excluded_items(events, items, removed_items),
        _ruled(events[QUANTITY][impossible_quantity], "impossible_quantity", f"a {shop.target_event} of quantity <= 0"),
        _ruled(events[VALUE][impossible_value], "impossible_value", f"a {shop.target_event} of negative value"),
    ]
    if params.max_quantity is not None:
        too_much = (events[QUANTITY] > params.max_quantity).fillna(False)
        reason = f"quantity above clean.max_quantity, {params.max_quantity:g}"
        found.append(_ruled(events[QUANTITY][too_much], "too_large_quantity", reason))
    return _first_of_each_row(found)


def _of_excluded_items(events: pd.DataFrame, items: pd.DataFrame | None, removed: pd.DataFrame) -> pd.DataFrame:
    if items is None or removed.empty:
        return removed.iloc[:0]
    by_item = removed.set_axis(pd.Index(items.loc[removed.index, ITEM]))
    hit = events[ITEM][events[ITEM].isin(by_item.index)]
    return by_item.loc[hit].set_axis(hit.index)


def _ruled(values: pd.Series, rule: str, reason: str) -> pd.DataFrame:
    """A reason that ends with a space is completed by the row's own value."""
    reasons = reason + values.astype("str") if reason.endswith(" ") else reason
    return pd.DataFrame({RULE: rule, REASON: reasons}, index=values.index, dtype="str")


def _first_of_each_row(found: list[pd.DataFrame]) -> pd.DataFrame:
    together = pd.concat([pd.DataFrame({RULE: [], REASON: []}, dtype="str", index=pd.Index([], dtype="int64")), *found])
    return together[~together.index.duplicated()].sort_index()


def _fill(events: pd.DataFrame, shop: ShopParams) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """No session: all events of a shopper on one day of the shop are one. No quantity: 1."""
    notes = []
    lonely = events[SESSION].isna()
    if lonely.any():
        day = events[TIMESTAMP].dt.tz_convert(shop.time_zone).dt.strftime("%Y-%m-%d")
        by_day = events[USER].astype("str") + "@" + day
        events = events.assign(**{SESSION: by_day.where(lonely, events[SESSION].astype("str"))})
        notes.append(f"{lonely.sum():,} events had no session: a shopper's day was taken for one")
    unsaid = events[QUANTITY].isna()
    if unsaid.any():
        events = events.assign(**{QUANTITY: events[QUANTITY].fillna(1)})
        notes.append(f"{unsaid.sum():,} events had no quantity: 1 was taken")
    return events, tuple(notes)
