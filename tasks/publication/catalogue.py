"""Which items may be published: those that the shop knows, sells and does not forbid."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.errors import ParamsError
from tasks.params.publication import PublicationParams
from tasks.schema import ITEM

_FROM, _TO = "available_from", "available_to"


@dataclass(frozen=True)
class Catalogue:
    """`available` and `allowed` say of each of `items` whether it is."""

    items: pd.Index
    available: NDArray[np.bool_]
    """available_from <= cutoff < available_to; a gap is no bound."""
    allowed: NDArray[np.bool_]

    @classmethod
    def of(cls, items: pd.DataFrame, as_of: datetime, params: PublicationParams) -> "Catalogue":
        """Raises ParamsError where `params.forbidden` names a column that the items do not have."""
        allowed = ~items[ITEM].astype("str").isin([str(item) for item in params.forbidden_items]).to_numpy()
        for column, values in params.forbidden.items():
            if column not in items:
                raise ParamsError(
                    f"publication.forbidden names the item column '{column}'; the items have {list(items)}"
                )
            allowed &= ~items[column].astype("str").isin(values).to_numpy()
        return cls(pd.Index(items[ITEM]), _available(items, as_of), allowed)

    def look_up(self, items: pd.Series) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
        """Whether each is known, is available, is allowed; of one that is not known, only the first is false."""
        at = self.items.get_indexer(pd.Index(items))
        known = at >= 0
        return known, ~known | self.available[at], ~known | self.allowed[at]

    def may_be_published(self, items: pd.Series) -> NDArray[np.bool_]:
        return np.logical_and.reduce(self.look_up(items))

    def sold(self) -> pd.Index:
        """The items that may be published."""
        return self.items[self.available & self.allowed]


def _available(items: pd.DataFrame, as_of: datetime) -> NDArray[np.bool_]:
    found = np.ones(len(items), np.bool_)
    cutoff: Any = pd.Timestamp(as_of)
    if _FROM in items:
        found &= ~(pd.to_datetime(items[_FROM], utc=True) > cutoff).to_numpy()
    if _TO in items:
        found &= ~(pd.to_datetime(items[_TO], utc=True) <= cutoff).to_numpy()
    return found
