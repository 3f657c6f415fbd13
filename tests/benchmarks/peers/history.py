"""What a peer may know: the purchases before a cutoff, as arrays. Nothing later is in the file that it is given."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from tasks.schema import ITEM, SESSION, TIMESTAMP, USER

_DAY = pd.Timedelta(days=1)
RECENT_DAYS = 60
"""Half-life of the strength `recent`."""


class LaterEventError(ValueError):
    """A peer was handed what it may not know."""


@dataclass(frozen=True)
class History:
    """Positions of users refer to `users`, sorted by id; those of items to `items`, the most bought first."""

    users: NDArray[Any]
    items: NDArray[Any]
    lines: pd.DataFrame
    """`user, item` (positions), `basket` (a number a session) and `age` (days before the cutoff, above 0); a row a
    (session, item), sorted by time."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Raises LaterEventError where a line is not before the cutoff."""
        lines = pd.read_parquet(folder / "lines.parquet")
        if (lines["age"] <= 0).any():
            raise LaterEventError(f"{folder} holds purchases of {-lines['age'].min():.2f} days after the cutoff")
        users, items = (pd.read_parquet(folder / f"{ids}.parquet")["id"].to_numpy() for ids in ("users", "items"))
        return cls(users, items, lines)

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.lines.to_parquet(folder / "lines.parquet", index=False)
        for name, ids in (("users", self.users), ("items", self.items)):
            pd.DataFrame({"id": ids}).to_parquet(folder / f"{name}.parquet", index=False)

    @classmethod
    def of(cls, events: pd.DataFrame, cutoff: datetime) -> Self:
        """Raises LaterEventError where an event is not before the cutoff."""
        if (events[TIMESTAMP] >= cutoff).any():
            raise LaterEventError(f"events up to {events[TIMESTAMP].max()} were given for the cutoff {cutoff}")
        events = events.drop_duplicates([USER, SESSION, ITEM]).sort_values([TIMESTAMP, USER, ITEM], ignore_index=True)
        user, users = pd.factorize(events[USER], sort=True)
        buyers = events.groupby(ITEM)[USER].nunique().sort_values(ascending=False, kind="stable")
        item = buyers.index.get_indexer(pd.Index(events[ITEM]))
        basket = events.groupby([USER, SESSION], sort=False).ngroup()
        age = (pd.Timestamp(cutoff) - events[TIMESTAMP]) / _DAY
        numbers = {"user": user, "item": item, "basket": basket.to_numpy()}
        lines = pd.DataFrame({name: of.astype(np.int32) for name, of in numbers.items()} | {"age": age.to_numpy()})
        return cls(np.asarray(users), buyers.index.to_numpy(), lines)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.users), len(self.items)

    def decayed(self, half_life: float | None) -> sp.csr_matrix:
        """(n_users, n_items): sessions with the item, one of `half_life` days ago counting half; None: all alike."""
        age = self.lines["age"].to_numpy()
        weight = np.ones(len(age)) if half_life is None else 0.5 ** (age / half_life)
        return self.summed(weight)

    def strength(self, kind: str) -> sp.csr_matrix:
        """`once`: 1 a pair; `times`: sessions with the item; `log`: of 1 + these; `recent`: decayed sessions."""
        found = sp.csr_matrix(self.decayed(RECENT_DAYS if kind == "recent" else None), dtype=np.float32)
        change = {"once": np.ones_like, "log": np.log1p}.get(kind)
        if change is not None:
            found.data = change(found.data)
        return found

    def summed(self, weight: NDArray[np.float64]) -> sp.csr_matrix:
        """(n_users, n_items): sums of `weight`, one a line."""
        places = (self.lines["user"].to_numpy(), self.lines["item"].to_numpy())
        return sp.csr_matrix((weight, places), shape=self.shape)

    def owned(self) -> sp.csr_matrix:
        return self.strength("once")

    def buyers(self, days: float | None = None) -> NDArray[np.int64]:
        """(n_items,): distinct users who bought the item, in the last days before the cutoff."""
        lines = self.lines if days is None else self.lines[self.lines["age"] <= days]
        pairs = lines.drop_duplicates(["user", "item"])
        return np.bincount(pairs["item"], minlength=len(self.items))

    def of_most_bought(self, n: int) -> "History":
        """Only of the n items with the most buyers."""
        return History(self.users, self.items[:n], self.lines[self.lines["item"] < n])
