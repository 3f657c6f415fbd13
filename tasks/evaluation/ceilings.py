"""How much of what is relevant is among the candidates at all: what a perfect ranker could reach."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.evaluation.evidence import RANK_SUFFIX, TASK, Evidence
from tasks.evaluation.lists import ScoredLists
from tasks.evaluation.metrics import reached_curve
from tasks.schema import ITEM, USER


def ceilings(evidence: Evidence, lists: ScoredLists, depth: int) -> dict[str, Any]:
    """Shares of each user's relevant items that are among the candidates, mean over scored users.

    `union` all candidates; `alone[retriever]` those that it proposed; `without[retriever]` those that any other did.
    `perfect` is recall@k for k = 1 … depth of lists that put every relevant candidate first.
    """
    frame = evidence.candidates[evidence.candidates[TASK] == lists.task]
    rows = lists.users.get_indexer(pd.Index(frame[USER])).astype(np.int64)
    items = pd.Index(evidence.items[ITEM]).get_indexer(pd.Index(frame[ITEM])).astype(np.int64)
    hit = (rows >= 0) & (items >= 0)
    hit[hit] = lists.is_positive(lists.pair_codes(rows[hit], items[hit]))
    found, rows = frame[hit], rows[hit]
    proposed = {name: found[f"{name}{RANK_SUFFIX}"].notna().to_numpy() for name in evidence.retrievers()}
    by_how_many = sum(proposed.values(), np.zeros(len(found), dtype=np.int64))
    held = _count(rows, lists)
    return {
        "candidates_per_user": len(frame) / max(frame[USER].nunique(), 1),
        "union": _share(held, lists),
        "alone": {name: _share(_count(rows[by], lists), lists) for name, by in proposed.items() if by.any()},
        "without": {
            name: _share(_count(rows[by_how_many > by], lists), lists) for name, by in proposed.items() if by.any()
        },
        "perfect": list(reached_curve(np.minimum(np.arange(1, depth + 1), held[:, None]), lists.relevant)),
    }


def _count(rows: NDArray[np.int64], lists: ScoredLists) -> NDArray[np.int64]:
    return np.bincount(rows, minlength=len(lists.users)).astype(np.int64)


def _share(found: NDArray[np.int64], lists: ScoredLists) -> float:
    return float((found / lists.relevant).mean())
