"""One setting on one week: a ranker is learned before it, and its lists are judged by what was bought in it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.errors import DataContractError
from tasks.evaluation.metrics import ndcg
from tasks.folds import Fold
from tasks.params import BoosterParams
from tasks.reranking.examples import concatenated
from tasks.reranking.ranker import fit_ensemble
from tasks.tuning.frames import FoldFrame
from tasks.tuning.weeks import Week

K = 10
JUDGED = f"NDCG@{K}"


@dataclass(frozen=True)
class Judge:
    frame_of: Callable[[Fold], FoldFrame]
    train: int
    """How many train folds the job itself has."""

    def values(self, week: Week, params: BoosterParams) -> pd.Series:
        """NDCG@10 by user id, of every user with a label in the week; 0 without candidates.

        Raises DataContractError where nothing was bought of what would be learned from or stopped on.
        """
        newest = week.learn[-(params.folds or 0) :]
        learned = concatenated([self.frame_of(fold).examples(params.negatives, params.seed) for fold in newest])
        stop_on = self.frame_of(week.stop).examples(1.0, params.seed)
        for where, found in ((", ".join(fold.name for fold in newest), learned), (week.stop.name, stop_on)):
            if not found.label.any():
                raise DataContractError(
                    f"no candidate of {where} was bought in its horizon, so nothing can be tried on week {week.name};"
                    " lower candidates.universe_min_buyers, raise candidates.*.depth_*, or ingest more days"
                )
        ranker = fit_ensemble(learned, stop_on, self._for_fewer_folds(params, len(newest)))
        judged = self.frame_of(week.judged)
        return ndcg_of(judged, ranker.score(judged.matrix, params.threads))

    def _for_fewer_folds(self, params: BoosterParams, folds: int) -> BoosterParams:
        """The job has more folds to learn from: so that trees start from the fused ranks where they would in the job,
        the bound of purchases is that many times lower."""
        of_the_job = min(params.folds or self.train, self.train)
        return params.model_copy(update={"fusion_below": round(params.fusion_below * folds / of_the_job)})


def ndcg_of(judged: FoldFrame, scores: NDArray[np.float64]) -> pd.Series:
    """By user id; ties keep the order of the candidates, as in the recommender."""
    order = np.lexsort((np.arange(len(scores)), -scores, judged.user))
    user, label = judged.user[order], judged.label[order]
    place = np.arange(len(user)) - np.searchsorted(user, user)
    hits = np.zeros((len(judged.users), K), np.bool_)
    top = place < K
    hits[user[top], place[top]] = label[top]
    return pd.Series(ndcg(hits, judged.users.to_numpy(np.int64), K), index=judged.users.index)
