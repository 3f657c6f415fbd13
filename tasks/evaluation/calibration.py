"""Whether a higher score of the ranker really means bought more often."""

import numpy as np
import pandas as pd

from tasks.evaluation.evidence import LABEL
from tasks.schema import SCORE

TOP_SHARES = (1.0, 0.8, 0.6, 0.4, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)
"""Groups by score, from the lowest to the highest: narrower towards the top, where the recommended ones are."""
_Z = 1.959964


def calibration(scores: pd.DataFrame) -> list[dict[str, float | str]]:
    """Groups of candidates by score, lowest first: mean score, share bought, its 95 % Wilson interval, and size.

    A ranker's score is no probability; it is good where the share bought rises from group to group.
    """
    order = scores.sort_values(SCORE, kind="stable", ascending=False)
    score, label = order[SCORE].to_numpy(dtype=np.float64), order[LABEL].to_numpy(dtype=np.float64)
    edges = [round(share * len(score)) for share in TOP_SHARES] + [0]
    groups = []
    for i, (stop, start) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
        if stop <= start:
            continue
        low, high = wilson(label[start:stop].sum(), stop - start)
        upper = TOP_SHARES[i + 1] if i + 1 < len(TOP_SHARES) else 0.0
        groups.append(
            {
                "group": f"top {upper:.1%} to {TOP_SHARES[i]:.1%}",
                "score": float(score[start:stop].mean()),
                "bought": float(label[start:stop].mean()),
                "low": low,
                "high": high,
                "size": stop - start,
            }
        )
    return groups


def wilson(successes: float, trials: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of a share; inside [0, 1] also for 0 or all successes."""
    share, square = successes / trials, _Z**2 / trials
    centre = (share + square / 2) / (1 + square)
    half = _Z / (1 + square) * float(np.sqrt(share * (1 - share) / trials + square / (4 * trials)))
    return max(0.0, centre - half), min(1.0, centre + half)
