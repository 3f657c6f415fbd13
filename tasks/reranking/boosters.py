"""The boosters of a ranker, a folder each: those that learn what a run before learned are used again as they are."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import lightgbm as lgb
from joblib import Parallel, delayed

from tasks.errors import DataContractError
from tasks.kept_folds import KeptFolds, digest
from tasks.params import BoosterParams
from tasks.reranking.examples import Examples, concatenated, purchases
from tasks.reranking.fitting import Fitted, ensemble, fit_booster, is_little
from tasks.reranking.fusion import Fusion
from tasks.reranking.kept_examples import examples_file
from tasks.reranking.lessons import Lesson, lessons
from tasks.reranking.ranker import Ensemble
from tasks.schema import Task
from tasks.stage import processes

_BOOSTER, _SCALE = "booster.txt", "scale.json"
_NOT_OF_A_BOOSTER = {"folds", "span", "boosters", "seed", "negatives", "fusion_below", "threads"}
"""What tells which boosters there are, is told by their examples, or changes nothing."""


@dataclass(frozen=True)
class Plan:
    """Of one task: what its boosters are to learn, by their names, the newest first."""

    lessons: Mapping[str, Lesson[str]]
    params: BoosterParams
    fusion: Fusion | None

    @classmethod
    def of(cls, examples: Path, folds: Sequence[str], task: Task, params: BoosterParams) -> Self:
        """`folds` are the train folds, from the oldest to the newest, and the validation fold.

        Raises DataContractError where nothing was bought in any train fold, or in the validation fold.
        """
        bought = {fold: purchases(examples_file(examples, fold, task)) for fold in folds}
        *past, validation = folds
        of_past = sum(bought[fold] for fold in past)
        _refuse_nothing_to_learn({"train folds": of_past, "validation fold": bought[validation]}, task)
        little = is_little(of_past, params)

        def of_use(all_at_once: bool) -> list[Lesson[str]]:
            planned = lessons(past, validation, params, all_at_once)
            return [one for one in planned if bought[one.stop] and any(bought[fold] for fold in one.learn)]

        found = of_use(little) or of_use(True)
        fusion = Fusion.fit(_read(examples, past, task)) if little else None
        return cls({f"{task}-{n}": lesson for n, lesson in enumerate(found, start=1)}, params, fusion)

    def made_from(self, name: str, examples: Mapping[str, str]) -> str:
        """The digest of all that a booster is learned from but code, by those of the folds' examples."""
        lesson = self.lessons[name]
        settings = self.params.model_dump(mode="json", exclude=_NOT_OF_A_BOOSTER)
        folds = [examples[fold] for fold in (*lesson.learn, lesson.stop)]
        return digest(name.partition("-")[0], settings, lesson.seed, folds, self.fusion and asdict(self.fusion))

    def ensemble(self, boosters: Path) -> Ensemble:
        """Of the boosters that lie in a folder by their names."""
        return ensemble([_load(boosters / name) for name in self.lessons], self.fusion)


def make_boosters(out: Path, examples: Path, plans: Mapping[Task, Plan], made: Mapping[str, str], code: str) -> None:
    wanted = {name: digest(code, plan.made_from(name, made)) for plan in plans.values() for name in plan.lessons}
    with KeptFolds(out, wanted) as kept:
        missing = kept.missing()
        Parallel(n_jobs=processes())(
            delayed(_make_booster)(examples, task, plan.lessons[name], plan, kept, name)
            for task, plan in plans.items()
            for name in plan.lessons
            if name in missing
        )


def _make_booster(examples: Path, task: Task, lesson: Lesson[str], plan: Plan, kept: KeptFolds, name: str) -> None:
    learned, stop_on = _read(examples, lesson.learn, task), _read(examples, [lesson.stop], task)
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


def _refuse_nothing_to_learn(bought: Mapping[str, int], task: Task) -> None:
    for where, count in bought.items():
        if count == 0:
            raise DataContractError(
                f"task {task}: no candidate of the {where} was bought in its horizon, so there is nothing to learn"
                " from; lower candidates.universe_min_buyers, raise candidates.*.depth_*, or ingest more days"
            )
