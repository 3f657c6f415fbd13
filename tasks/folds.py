"""Folds: cutoffs with the days after them. Knowledge is t < cutoff, labels are cutoff <= t < cutoff + horizon."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import pandas as pd

from tasks.errors import DataContractError
from tasks.params.ranker import FoldParams
from tasks.params.shop import ShopParams
from tasks.schema import EVENT_TYPE, ITEM, TIMESTAMP, USER, Task

FoldKind = Literal["train", "validation", "test", "serve"]


@dataclass(frozen=True)
class Fold:
    """One cutoff (an instant, UTC) and the horizon after it: [cutoff, cutoff + horizon).

    The horizon is elapsed time: days of the shop, so an hour more or less where its clocks change.
    """

    name: str
    cutoff: datetime
    horizon: timedelta

    @property
    def kind(self) -> FoldKind:
        return self.name.partition("-")[0]  # pyright: ignore[reportReturnType]

    @property
    def end(self) -> datetime:
        return self.cutoff + self.horizon


def make_folds(events: pd.DataFrame, params: FoldParams, shop: ShopParams) -> list[Fold]:
    """Folds from the oldest to the newest: train-n … train-1, validation, test, serve, one horizon apart.

    All are cut at midnight of the shop's time zone. The serve fold's cutoff is the first midnight after the last event;
    the test fold ends there, and each older fold ends where the next begins.
    Raises DataContractError where the first fold would have no target event to learn from.
    """
    if events.empty:
        raise DataContractError("no events are left after validation; see the data quality page for what was removed")
    names = [f"train-{n}" for n in range(params.train, 0, -1)] + ["validation", "test", "serve"]
    folds = _cut(names, events, params, shop)
    _refuse_folds_without_history(folds, events, shop)
    return folds


def newest_folds(events: pd.DataFrame, params: FoldParams, shop: ShopParams) -> tuple[Fold, Fold]:
    """The test and the serve fold, as `make_folds` cuts them, also where the test fold has no label."""
    test, serve = _cut(["test", "serve"], events, params, shop)
    return test, serve


def _cut(names: Sequence[str], events: pd.DataFrame, params: FoldParams, shop: ShopParams) -> list[Fold]:
    """The last of them begins at the first midnight after the last event."""
    zone = ZoneInfo(shop.time_zone)
    midnight = events[TIMESTAMP].max().tz_convert(zone).tz_localize(None).normalize() + pd.Timedelta(days=1)
    days = timedelta(days=params.horizon_days)
    cuts = [_instant(midnight + steps * days, zone) for steps in range(1 - len(names), 2)]
    return [Fold(name, cutoff, end - cutoff) for name, cutoff, end in zip(names, cuts, cuts[1:], strict=False)]


def _instant(local: pd.Timestamp, zone: ZoneInfo) -> datetime:
    """A local midnight as an instant: the first moment after it where the clocks skip it, the first of two alike."""
    return local.tz_localize(zone, nonexistent="shift_forward", ambiguous=True).tz_convert("UTC").to_pydatetime()


def targets(events: pd.DataFrame, shop: ShopParams) -> pd.DataFrame:
    """The events that count as relevant: those of the target type."""
    return events[events[EVENT_TYPE] == shop.target_event]


def labels(events: pd.DataFrame, fold: Fold, shop: ShopParams, task: Task) -> pd.DataFrame:
    """The relevant pairs of a fold: `user_id, item_id`, one row a pair, sorted.

    A user counts who had a target event before the cutoff, an item likewise. Task new keeps only the pairs that had
    none before.
    """
    is_target = (events[EVENT_TYPE] == shop.target_event).to_numpy()
    past = is_target & (events[TIMESTAMP] < fold.cutoff).to_numpy()
    window = is_target & ~past & (events[TIMESTAMP] < fold.end).to_numpy()
    users, items = events[USER], events[ITEM]
    pairs = events.loc[window, [USER, ITEM]].drop_duplicates()
    pairs = pairs[pairs[USER].isin(users[past].unique()) & pairs[ITEM].isin(items[past].unique())]
    if task == "new":
        # Few of the past's pairs can be among these: to look through those takes a fraction of the time.
        near = past & users.isin(pairs[USER].unique()).to_numpy() & items.isin(pairs[ITEM].unique()).to_numpy()
        marked = pairs.merge(events.loc[near, [USER, ITEM]].drop_duplicates(), how="left", indicator="known")
        pairs = marked.loc[(marked["known"] == "left_only").to_numpy(), [USER, ITEM]]
    return pairs.sort_values([USER, ITEM], ignore_index=True)


def _refuse_folds_without_history(folds: list[Fold], events: pd.DataFrame, shop: ShopParams) -> None:
    hits = targets(events, shop)
    seen = sorted(events[EVENT_TYPE].unique())
    if hits.empty:
        raise DataContractError(
            f"no event of type '{shop.target_event}' (shop.target_event) is left after validation: the events have the"
            f" types {seen}; map one of them to it in source.tables.events.event_types, or set shop.target_event"
        )
    first, last = hits[TIMESTAMP].min(), hits[TIMESTAMP].max()
    for fold in folds:
        if first >= fold.cutoff:
            raise DataContractError(
                f"fold '{fold.name}' has no '{shop.target_event}' events before its cutoff {fold.cutoff:%Y-%m-%d}:"
                f" they cover {first:%Y-%m-%d} to {last:%Y-%m-%d}; lower folds.train or folds.horizon_days,"
                " or ingest more days"
            )
    for fold in folds[:-1]:
        if fold.kind != "train" and labels(events, fold, shop, "all").empty:
            raise DataContractError(
                f"fold '{fold.name}' ({fold.cutoff:%Y-%m-%d} to {fold.end:%Y-%m-%d}) has no shopper who came back:"
                " nothing can be measured there; raise folds.horizon_days or ingest more days"
            )
