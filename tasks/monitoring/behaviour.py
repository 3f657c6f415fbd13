"""What shoppers did, arranged so that any days of it are found at once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.ingestion.valid import Valid
from tasks.params.shop import ShopParams
from tasks.schema import EVENT_TYPE, ITEM, QUANTITY, TIMESTAMP, USER, VALUE, categories

Codes = NDArray[np.intp]
NO_CATEGORY = "(none)"


@dataclass(frozen=True)
class Behaviour:
    """Events by time. Users, items, types and categories are numbers: positions among what the shop has."""

    at: NDArray[np.datetime64]
    """UTC, ascending."""
    user: Codes
    item: Codes
    kind: Codes
    target: NDArray[np.bool_]
    price: NDArray[np.float64]
    """Value of one piece; NaN where there is no quantity."""
    kinds: tuple[str, ...]
    items: NDArray[Any]
    category: Codes | None
    """Widest category of each item; None: the shop has none."""
    category_names: tuple[str, ...]
    new_user: NDArray[np.bool_]
    """Whether it is the user's first event, or of the same instant."""
    new_item: NDArray[np.bool_]

    @classmethod
    def of(cls, valid: Valid, shop: ShopParams) -> Self:
        events = valid.events.sort_values(TIMESTAMP, kind="stable")
        user, _ = pd.factorize(events[USER])
        item, items = pd.factorize(events[ITEM])
        kind, kinds = pd.factorize(events[EVENT_TYPE].astype("object"), sort=True)
        at = events[TIMESTAMP].dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
        category, names = _categories(valid.items, items)
        quantity = events[QUANTITY].to_numpy(np.float64)
        return cls(
            at=at,
            user=user,
            item=item,
            kind=kind,
            target=(events[EVENT_TYPE] == shop.target_event).to_numpy(),
            price=np.divide(events[VALUE].to_numpy(np.float64), quantity, out=_nothing(events), where=quantity > 0),
            kinds=tuple(map(str, kinds)),
            items=np.asarray(items),
            category=category,
            category_names=names,
            new_user=_is_first(at, user),
            new_item=_is_first(at, item),
        )

    def between(self, start: datetime, end: datetime) -> slice:
        """Rows of [start, end)."""
        low, high = np.searchsorted(self.at, [_instant(start), _instant(end)])
        return slice(int(low), int(high))

    @property
    def first(self) -> datetime:
        return pd.Timestamp(self.at[0], tz="UTC").to_pydatetime()


@dataclass(frozen=True)
class Span:
    """A horizon, and those that it is compared with, the newest first."""

    week: slice
    before: tuple[slice, ...]

    @property
    def reference(self) -> slice:
        return slice(self.before[-1].start, self.before[0].stop)


def span(behaviour: Behaviour, end: datetime, horizon: timedelta, known: datetime, reference: int) -> Span:
    """The horizon that ends at `end`, against the `reference` ones up to `known`, or up to its begin where that is
    earlier."""
    begin = end - horizon
    last = min(known, begin)
    steps = [(last - (n + 1) * horizon, last - n * horizon) for n in range(reference)]
    return Span(behaviour.between(begin, end), tuple(behaviour.between(*step) for step in steps))


def past_spans(behaviour: Behaviour, known: datetime, horizon: timedelta, reference: int, most: int) -> list[Span]:
    """Horizons before `known`, the newest first, each with those before it; as far back as there are events."""
    ends = [known - n * horizon for n in range(most)]
    return [
        span(behaviour, end, horizon, end - horizon, reference)
        for end in ends
        if end - (1 + reference) * horizon >= behaviour.first - timedelta(days=1)
    ]


def _categories(items: pd.DataFrame, order: Any) -> tuple[Codes | None, tuple[str, ...]]:
    known = categories(list(items.columns))
    if not known:
        return None, ()
    names = items.set_index(ITEM)[known[0]].astype("string").reindex(order).fillna(NO_CATEGORY)
    codes, found = pd.factorize(names, sort=True)
    return codes, tuple(map(str, found))


def _is_first(at: NDArray[np.datetime64], codes: Codes) -> NDArray[np.bool_]:
    """Rows are by time, so the first row of a code is of its first instant."""
    found, places = np.unique(codes, return_index=True)
    first = np.empty(len(found), at.dtype)
    first[found] = at[places]
    return at == first[codes]


def _nothing(events: pd.DataFrame) -> NDArray[np.float64]:
    return np.full(len(events), np.nan)


def _instant(when: datetime) -> np.datetime64:
    return pd.Timestamp(when).tz_convert("UTC").tz_localize(None).to_datetime64()
