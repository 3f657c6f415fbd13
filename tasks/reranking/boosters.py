"""The boosters of a ranker, a folder each: those that learn what a run before learned are used again as they are."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Self

import lightgbm as lgb
from joblib import Parallel, delayed

from tasks.errors import DataContractError
from tasks.kept_folds import KeptFolds, digest, digest_of_file
from tasks.params.ranker import BoosterParams
from tasks.reranking.examples import Examples, concatenated, purchases
from tasks.reranking.fitting import Fitted, ensemble, fit_booster
from tasks.reranking.fusion import Fusion
from tasks.reranking.kept_examples import examples_file
from tasks.reranking.lessons import Lesson, plan_lessons
from tasks.reranking.ranker import Ensemble
from tasks.schema import Task
from tasks.stage import processes

_BOOSTER, _SCALE = "booster.txt", "scale.json"
_NOT_OF_A_BOOSTER = {"folds", "span", "boosters", "seed", "negatives", "most_users", "fusion_below", "threads"}
"""What tells which boosters there are, is told by their examples, or changes nothing."""


@dataclass(frozen=True)
class Plan:
    """Of one task: what its boosters are to learn, by their names, the newest first."""

    task: Task
    lessons: Mapping[str, Lesson[str]]
    params: BoosterParams
    fusion: Fusion | None

    @classmethod
    def of(cls, examples: Path, folds: Sequence[str], task: Task, params: BoosterParams) -> Self:
        """`folds` are the train folds, from the oldest to the newest, and the validation fold.

        Raises DataContractError where nothing was bought in any of the train folds, or in the validation fold.
        """
        *past, validation = folds
        bought = {fold: purchases(examples_file(examples, fold, task)) for fold in folds}
        planned = plan_lessons(past, validation, params, bought.__getitem__)
        if not planned.each:
            where = "validation fold" if planned.purchases else "train folds"
            raise DataContractError(
                f"task {task}: no candidate of the {where} was bought in its horizon, so there is nothing to learn"
                " from; lower candidates.universe_min_buyers, raise candidates.*.depth_*, or ingest more days"
            )
        fusion = Fusion.fit(_read(examples, planned.past, task)) if planned.is_little else None
        return cls(task, {f"{task}-{n}": one for n, one in enumerate(planned.each, start=1)}, params, fusion)

    def made_from(self, examples: Path) -> dict[str, str]:
        """Booster to the digest of all that it learns from but code; examples count by their bytes."""
        settings = self.params.model_dump(mode="json", exclude=_NOT_OF_A_BOOSTER)
        start = self.fusion and asdict(self.fusion)

        @cache
        def content(fold: str) -> str:
            return digest_of_file(examples_file(examples, fold, self.task))

        return {
            name: digest(self.task, settings, start, lesson.seed, *map(content, (*lesson.learn, lesson.stop)))
            for name, lesson in self.lessons.items()
        }

    def ensemble(self, boosters: Path) -> Ensemble:
        """Of the boosters that lie in a folder by their names."""
        return ensemble([_load(boosters / name) for name in self.lessons], self.fusion)


def make_boosters(out: Path, examples: Path, plans: Sequence[Plan], code: str) -> None:
    """Fills the folder `out` with a folder a booster."""
    wanted = {name: digest(code, made) for plan in plans for name, made in plan.made_from(examples).items()}
    with KeptFolds(out, wanted) as kept:
        missing = kept.missing()
        learned = [(plan, name) for plan in plans for name in plan.lessons if name in missing]
        # LightGBM works outside of Python's lock, so threads are enough, and none has to import it again.
        Parallel(n_jobs=processes(), prefer="threads")(
            delayed(_make_booster)(examples, plan, name, kept) for plan, name in learned
        )


def _make_booster(examples: Path, plan: Plan, name: str, kept: KeptFolds) -> None:
    lesson = plan.lessons[name]
    learned, stop_on = _read(examples, lesson.learn, plan.task), _read(examples, [lesson.stop], plan.task)
    fitted = fit_booster(learned, stop_on, plan.params, lesson.seed, plan.fusion)
    made = kept.scratch / name
    made.mkdir()
    fitted.booster.save_model(made / _BOOSTER)
    (made / _SCALE).write_text(json.dumps(fitted.scale), encoding="utf-8")
    kept.add(name, made)


def _load(folder: Path) -> Fitted:
    scale = json.loads((folder / _SCALE).read_text(encoding="utf-8"))
    return Fitted(lgb.Booster(model_file=folder / _BOOSTER), scale)


def _read(examples: Path, folds: Sequence[str], task: Task) -> Examples:
    return concatenated([Examples.read(examples_file(examples, fold, task)) for fold in folds])
