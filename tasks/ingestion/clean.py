"""Cleaning: rows that keep the contract, and still are nothing to learn from. Each removal has a rule and a count."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.errors import ParamsError
from tasks.params import CleanParams, ShopParams
from tasks.schema import EVENT_TYPE, ITEM, QUANTITY, SESSION, TIMESTAMP, USER, VALUE


@dataclass(frozen=True)
class Cleaned:
    events: pd.DataFrame
    items: pd.DataFrame | None
    removed_events: pd.Series
    """Row label of the given events to the rule that removed it."""
    removed_items: pd.Series
    reasons: dict[str, str]
    """Rule to what it means."""
    notes: tuple[str, ...]
    """What was filled in, and exclusions that match nothing."""


def clean(events: pd.DataFrame, items: pd.DataFrame | None, params: CleanParams, shop: ShopParams) -> Cleaned:
    """Remove what is no merchandise or cannot have happened, then fill what can be told: session and quantity.

    A line is impossible if it is of the target event and has a quantity <= 0 or a value < 0. Rows keep their labels.
    Raises ParamsError if `params.exclude` names a column that the items do not have.
    """
    excluded, notes = _excluded_items(items, params)
    rules = _event_rules(events, excluded, params, shop)
    removed = _first_rule(rules, events.index)
    kept, filled = _fill(events.drop(index=removed.index), shop)
    removed_items = pd.Series(dtype="str")
    if items is not None:
        removed_items = excluded.set_axis(items.index)[lambda rule: rule != ""]
        items = items.drop(index=removed_items.index)
    reasons = {name: reason for name, (_, reason) in rules.items()}
    return Cleaned(kept, items, removed, removed_items, reasons, notes + filled)


def _excluded_items(items: pd.DataFrame | None, params: CleanParams) -> tuple[pd.Series, tuple[str, ...]]:
    """Rule by item (`''` where none), indexed by item id in the order of `items`; and exclusions that match nothing."""
    if items is None or not params.exclude:
        if params.exclude:
            raise ParamsError("clean.exclude names columns of items, but this shop has no items table; set it to {}")
        empty = items[ITEM] if items is not None else []
        return pd.Series("", index=pd.Index(empty), dtype="str"), ()
    rule, notes = pd.Series("", index=items.index, dtype="str"), []
    for column, values in params.exclude.items():
        if column not in items:
            raise ParamsError(f"clean.exclude names the item column '{column}'; the items have {list(items)}")
        text = items[column].astype("str")
        rule = rule.mask((rule == "") & text.isin(values), f"excluded_{column}")
        unmatched = sorted(set(values) - set(text.unique()))
        if unmatched:
            notes.append(f"clean.exclude.{column} names values that no item has: {unmatched}")
    return rule.set_axis(pd.Index(items[ITEM])), tuple(notes)


def _event_rules(
    events: pd.DataFrame, excluded: pd.Series, params: CleanParams, shop: ShopParams
) -> dict[str, tuple[pd.Series, str]]:
    """Rule to (rows that it removes, reason), in the order in which they apply."""
    target = events[EVENT_TYPE] == shop.target_event
    rule_of_item = events[ITEM].map(excluded[excluded != ""])
    rules = {
        f"excluded_{column}": (
            rule_of_item == f"excluded_{column}",
            f"no merchandise: clean.exclude.{column} names the item's {column}",
        )
        for column in params.exclude
    }
    rules["impossible_quantity"] = (
        target & (events[QUANTITY] <= 0).fillna(False),
        f"a {shop.target_event} of quantity 0 or less",
    )
    rules["impossible_value"] = (target & (events[VALUE] < 0).fillna(False), f"a {shop.target_event} of negative value")
    if params.max_quantity is not None:
        too_much = (events[QUANTITY] > params.max_quantity).fillna(False)
        rules["too_large_quantity"] = (too_much, f"quantity above clean.max_quantity ({params.max_quantity:g})")
    return rules


def _first_rule(rules: dict[str, tuple[pd.Series, str]], index: pd.Index) -> pd.Series:
    hits = [hit.fillna(False).to_numpy(dtype=bool) for hit, _ in rules.values()]
    which = np.select(hits, list(rules), default="")
    removed = which != ""
    return pd.Series(which[removed], index=index[removed], dtype="str")


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
