"""A study with all that its trials need, made ready from what a finished run left."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from tasks.folds import make_folds
from tasks.ingestion.valid import Valid
from tasks.kept_folds import digest, digest_of_code
from tasks.params import Params
from tasks.params.ranker import BoosterParams
from tasks.reranking.inputs import Inputs
from tasks.schema import Task
from tasks.tuning.confirmation import Confirmation
from tasks.tuning.frames import FoldFrame, clear_others
from tasks.tuning.judging import Judge
from tasks.tuning.space import Space
from tasks.tuning.study import Study
from tasks.tuning.weeks import Weeks

STUDIES = "studies.db"
_CODE = ("evaluation/metrics.py", "features", "reranking", "tuning/frames.py", "tuning/judging.py")
"""Of `tasks`: what trials are computed by; others would not be comparable."""
_DIGITS = 12
Say = Callable[[str], None]


@dataclass(frozen=True)
class Search:
    task: Task
    present: BoosterParams
    weeks: Weeks
    space: Space
    judge: Judge
    study: Study
    confirmation: Confirmation


def prepare(
    data: Path, params: Params, task: Task, weeks: int, made_from: Mapping[str, str], folder: Path, say: Say
) -> Search:
    """Opens the task's study in `folder`, and makes the frames that are not there yet.

    `data`: the folder with `valid`, `features` and `candidates`; of the test fold nothing is read. `made_from`: what
    these came from, by digests. Another digest, other code, other folds, another space or other settings beside it are
    another study, with other frames.
    """
    valid = Valid.read(data / "valid")
    found = Weeks.of(make_folds(valid.events, params.folds, params.shop), weeks)
    present = params.ranker.of(task)
    space = Space.around(present, found.most_folds)
    by = {"code": digest_of_code(_CODE), "lightgbm": version("lightgbm")}
    content = {**made_from, **by, "shop": params.shop.model_dump(), "folds": params.folds.model_dump()}
    beside = present.model_dump(exclude={*space.ranges, "threads"})
    frames = folder / "frames" / f"{task}-{digest(content)[:_DIGITS]}"
    clear_others(frames)
    inputs = Inputs(valid, params.shop, data / "features", data / "candidates")
    for fold in found.folds:
        if not (frames / fold.name).exists():
            say(f"candidates, features and labels of {fold.name}, {fold.cutoff:%Y-%m-%d}")
        FoldFrame.write(inputs, fold, task, frames / fold.name)
    judge = Judge(cache(lambda fold: FoldFrame(frames / fold.name)), found.train)
    name = f"{task}-{digest(content, weeks, space.as_json(), beside)[:_DIGITS]}"
    study = Study(folder / STUDIES, name, space, present)
    confirmation = Confirmation(judge.values, found, params.evaluation, folder / "values" / name)
    return Search(task, present, found, space, judge, study, confirmation)
