"""By what factor promotions multiply sales, learned from horizons in which items were promoted more or less."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize

from tasks.schema import ITEM

_TEACHERS = 300
"""Items that sell most: the others' sales are too few to tell what moves them."""
_DECIMALS = 6
"""Of what is learned: more of them are rounding errors, which may differ between machines."""


def reach_of_promotions(
    promotions: pd.DataFrame, items: NDArray[np.generic], cutoff: datetime, horizon: timedelta, past: int
) -> NDArray[np.float64]:
    """(past + 1, n_items, n_kinds): the reach of each kind of promotion in the coming horizon, then in the `past` ones
    before the cutoff from the newest on; the mean over a horizon's time, and 1 at most."""
    near = promotions[(promotions["start"] < cutoff + horizon) & (promotions["end"] > cutoff - past * horizon)]
    column = pd.Index(items).get_indexer(pd.Index(near[ITEM]))
    near, column = near[column >= 0], column[column >= 0]
    start, end = (((near[side] - cutoff) / horizon).to_numpy(np.float64) for side in ("start", "end"))
    reach = near["reach"].to_numpy(np.float64)
    kind, kinds = pd.factorize(near["kind"].to_numpy(), sort=True)
    found = np.zeros((past + 1, len(items), len(kinds)))
    for back in range(past + 1):
        part = np.minimum(end, 1 - back) - np.maximum(start, -back)
        inside = part > 0
        np.add.at(found[back], (column[inside], kind[inside]), (part * reach)[inside])
    return np.minimum(found, 1)


def factors_of_promotions(reach: NDArray[np.float64], sales: NDArray[np.float64]) -> NDArray[np.float64]:
    """(past + 1, n_items): exp(reach · b), one number b a kind, from `sales` (past, n_items) in the past horizons.

    Sales of an item are taken to be spread over the horizons in proportion to these factors, as the Poisson regression
    with an effect of each item has it (Hausman, Hall, Griliches: Econometric Models for Count Data with an Application
    to the Patents-R&D Relationship, Econometrica 1984). b is its mode after a standard normal prior, so that a few
    sales prove nothing.
    """
    if reach.shape[2] == 0:
        return np.ones(reach.shape[:2])
    teachers = np.argsort(-sales.sum(axis=0), kind="stable")[:_TEACHERS]
    sold, reached = sales[:, teachers], reach[1:, teachers]
    total, seen = sold.sum(axis=0), np.einsum("hi,hik->k", sold, reached)

    def loss(effect: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        factor = np.exp(np.einsum("hik,k->hi", reached, effect))
        whole = factor.sum(axis=0)
        expected = np.einsum("hi,hik->k", factor / whole * total, reached)
        value = (total * np.log(whole)).sum() - (seen * effect).sum() + (effect**2).sum() / 2
        return float(value), expected - seen + effect

    effect = minimize(loss, np.zeros(reach.shape[2]), jac=True, method="L-BFGS-B").x
    return np.exp(np.einsum("hik,k->hi", reach, np.round(effect, _DECIMALS)))
