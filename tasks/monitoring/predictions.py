"""Whether the champion recommends other things than when it was measured."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.monitoring.band import Distance
from tasks.monitoring.behaviour import Behaviour
from tasks.monitoring.found import Found, not_judged
from tasks.monitoring.measures import largest_moves, mix_distance, shape_distance
from tasks.params.monitoring import PredictionParams
from tasks.schema import ITEM, RANK

CATEGORIES, POPULARITY = "recommended categories", "popularity of what is recommended"
DEPTH = 10
"""Places of a list that are looked at."""


def look_at_predictions(
    now: pd.DataFrame,
    before: pd.DataFrame,
    behaviour: Behaviour,
    known: Mapping[str, slice],
    params: PredictionParams,
) -> tuple[Found, ...]:
    """`now`, `before`: lists (`task, user_id, item_id, rank`), of the newest horizon and of the test fold.

    `known`: under `now` and `before` the rows of `behaviour` from which the popularity of their items is told, as many
    days before each. What lists of past weeks would have been is not known, so these bounds are fixed ones.
    """
    lists = {"now": _items(now, behaviour), "before": _items(before, behaviour)}
    if not len(lists["now"]) or not len(lists["before"]):
        return not_judged(CATEGORIES, "predictions", "there are no lists to compare"), not_judged(
            POPULARITY, "predictions", "there are no lists to compare"
        )
    popular = {side: _share_of_buyers(of, behaviour, known[side]) for side, of in lists.items()}
    found = [_judged(POPULARITY, shape_distance(popular["now"], popular["before"]), params.popularity)]
    if behaviour.category is not None:
        names = behaviour.category_names
        mixes = {s: np.bincount(behaviour.category[of], minlength=len(names)).astype(float) for s, of in lists.items()}
        distance = mix_distance(mixes["now"], mixes["before"])
        if distance is not None:
            distance = Distance(distance.value, None, largest_moves(mixes["now"], mixes["before"], names))
        found.insert(0, _judged(CATEGORIES, distance, params.categories))
    return tuple(found)


def _items(lists: pd.DataFrame, behaviour: Behaviour) -> NDArray[np.intp]:
    places = pd.Index(behaviour.items).get_indexer(pd.Index(lists.loc[lists[RANK] <= DEPTH, ITEM]))
    return places[places >= 0]


def _share_of_buyers(items: NDArray[np.intp], behaviour: Behaviour, rows: slice) -> NDArray[np.float64]:
    user, item = (codes[rows][behaviour.target[rows]] for codes in (behaviour.user, behaviour.item))
    pairs: NDArray[Any] = np.unique(np.stack([user, item]), axis=1)
    buyers = np.bincount(pairs[1], minlength=len(behaviour.items))
    return buyers[items] / max(len(np.unique(user)), 1)


def _judged(measure: str, distance: Distance | None, bound: float) -> Found:
    if distance is None:
        return not_judged(measure, "predictions", "there is nothing to measure")
    status = "breach" if distance.value > bound else "within"
    return Found(measure, "predictions", distance.says, status, distance.value, bound)
