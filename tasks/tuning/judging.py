"""One setting on one week: a ranker is learned before it, and its lists are judged by what was bought in it."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.errors import DataContractError
from tasks.evaluation.metrics import ndcg
from tasks.folds import Fold
from tasks.kept_folds import digest
from tasks.params.ranker import BoosterParams
from tasks.reranking.examples import Examples, concatenated
from tasks.reranking.fitting import Fitted, ensemble, fit_booster
from tasks.reranking.fusion import Fusion
from tasks.reranking.lessons import Lesson, plan_lessons
from tasks.stage import processes
from tasks.tuning.frames import FoldFrame
from tasks.tuning.weeks import Week

K = 10
JUDGED = f"NDCG@{K}"


@dataclass(frozen=True)
class Judge:
    frame_of: Callable[[Fold], FoldFrame]
    train: int
    """How many train folds the job itself has."""
    _fitted: dict[str, dict[str, Fitted]] = field(default_factory=dict, init=False, compare=False, repr=False)
    """Of the settings judged last: weeks that follow each other share most of their boosters."""

    def values(self, week: Week, params: BoosterParams) -> pd.Series:
        """NDCG@10 by user id, of every user with a label in the week; 0 without candidates.

        Raises DataContractError where nothing was bought of what would be learned from or stopped on.
        """
        planned = plan_lessons(
            week.learn,
            week.stop,
            self._for_fewer_folds(params, min(len(week.learn), params.folds or len(week.learn))),
            lambda fold: int(self.frame_of(fold).label.sum()),
        )
        if not planned.each:
            where = week.stop.name if planned.purchases else ", ".join(fold.name for fold in planned.past)
            raise DataContractError(
                f"no candidate of {where} was bought in its horizon, so nothing can be tried on week {week.name};"
                " lower candidates.universe_min_buyers, raise candidates.*.depth_*, or ingest more days"
            )
        fusion = Fusion.fit(self._examples(planned.past, params)) if planned.is_little else None
        ranker = ensemble(self._boosters(planned.each, params, fusion), fusion)
        judged = self.frame_of(week.judged)
        return ndcg_of(judged, ranker.score(judged.matrix, processes()))

    def _boosters(self, lessons: Sequence[Lesson[Fold]], params: BoosterParams, fusion: Fusion | None) -> list[Fitted]:
        """Side by side on one thread each, as the job learns them."""
        judged_last = params.model_dump_json()
        if judged_last not in self._fitted:
            self._fitted.clear()
        known = self._fitted.setdefault(judged_last, {})
        keys = {_key(lesson, fusion): lesson for lesson in lessons}
        missing = {key: lesson for key, lesson in keys.items() if key not in known}
        alone = params.model_copy(update={"threads": 1})
        with ThreadPoolExecutor(processes()) as pool:
            learned = pool.map(lambda lesson: self._fit(lesson, alone, fusion), missing.values())
            known.update(zip(missing, learned, strict=True))
        return [known[key] for key in keys]

    def _fit(self, lesson: Lesson[Fold], params: BoosterParams, fusion: Fusion | None) -> Fitted:
        learned, stop_on = self._examples(lesson.learn, params), self._examples([lesson.stop], params)
        return fit_booster(learned, stop_on, params, lesson.seed, fusion)

    def _examples(self, folds: Sequence[Fold], params: BoosterParams) -> Examples:
        return concatenated([self.frame_of(fold).examples(*params.sampling) for fold in folds])

    def _for_fewer_folds(self, params: BoosterParams, folds: int) -> BoosterParams:
        """The job has more folds to learn from: so that trees start from the fused ranks where they would in the job,
        the bound of purchases is that many times lower."""
        of_the_job = min(params.folds or self.train, self.train)
        return params.model_copy(update={"fusion_below": round(params.fusion_below * folds / of_the_job)})


def _key(lesson: Lesson[Fold], fusion: Fusion | None) -> str:
    return digest([fold.name for fold in (*lesson.learn, lesson.stop)], lesson.seed, fusion and asdict(fusion))


def ndcg_of(judged: FoldFrame, scores: NDArray[np.float64]) -> pd.Series:
    """By user id; ties keep the order of the candidates, as in the recommender."""
    order = np.lexsort((np.arange(len(scores)), -scores, judged.user))
    user, label = judged.user[order], judged.label[order]
    place = np.arange(len(user)) - np.searchsorted(user, user)
    hits = np.zeros((len(judged.users), K), np.bool_)
    top = place < K
    hits[user[top], place[top]] = label[top]
    return pd.Series(ndcg(hits, judged.users.to_numpy(np.int64), K), index=judged.users.index)
