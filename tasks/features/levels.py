"""How alike two items are by their categories."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.schema import categories


def category_levels(items: pd.DataFrame) -> list[NDArray[np.int64]]:
    """A code an item for each category level, equal where the whole path from the widest level down is equal.

    An item of unknown category is alike to no other.
    """
    levels: list[NDArray[np.int64]] = []
    path = np.zeros(len(items), dtype=np.int64)
    alone = np.arange(len(items), dtype=np.int64)
    for column in categories(list(items.columns)):
        codes, names = pd.factorize(items[column])
        path = pd.factorize(path * (len(names) + len(items)) + np.where(codes < 0, len(names) + alone, codes))[0]
        levels.append(path.astype(np.int64))
    return levels
