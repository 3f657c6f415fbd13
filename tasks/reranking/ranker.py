"""The ranker, an ensemble of boosters a task: how it scores candidates, and how it lies in a folder."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.errors import DataContractError
from tasks.features.frame import Frame
from tasks.reranking.fusion import Fusion
from tasks.schema import TASKS, Task
from tasks.stage import processes

Codes = Mapping[str, Mapping[str, int]]
LEARNED = "learned.json"
"""In a ranker's folder: `until`, the instant before which everything that it learned from lies."""
_FUSIONS, _SCALES = "fusions.json", "scales.json"
_ROWS_WORTH_THREADS = 10_000
"""For the candidates of one shopper, waking threads takes longer than scoring."""


@dataclass(frozen=True)
class Ensemble:
    """What scores the candidates of one task."""

    boosters: Sequence[lgb.Booster]
    """One or more, which learned from other weeks or with other seeds; their scores are averaged."""
    fusion: Fusion | None = None
    """What the trees started from, which is added to their scores: where little could be learned it decides."""
    scales: Sequence[float] | None = None
    """What each booster's scores are multiplied by before, so that each has the same say; None: by nothing."""

    def score(self, matrix: NDArray[np.float32], threads: int) -> NDArray[np.float64]:
        """Of rows with the boosters' features in the boosters' order."""
        of_trees = [np.asarray(one.predict(matrix, num_threads=threads, raw_score=True)) for one in self.boosters]
        if self.scales is not None:
            of_trees = [scores * scale for scores, scale in zip(of_trees, self.scales, strict=True)]
        scores = np.mean(of_trees, axis=0)
        return scores if self.fusion is None else scores + self.fusion.scores(matrix, self.features())

    def features(self) -> list[str]:
        return self.boosters[0].feature_name()


@dataclass(frozen=True)
class Ranker:
    ensembles: Mapping[Task, Ensemble]
    codes: Codes
    """Category column to the codes that the boosters learned."""

    def score(self, frame: Frame, task: Task) -> NDArray[np.float64]:
        """(n_rows,), the higher the better within one user. Columns are found by name, in whatever order they come.

        Raises DataContractError where a feature that the ranker learned is missing.
        """
        learned = self.ensembles[task].features()
        missing = sorted(set(learned) - set(frame.names))
        if missing:
            raise DataContractError(f"the state lacks features that the ranker learned: {missing}; rebuild the state")
        place = {name: position for position, name in enumerate(frame.names)}
        if frame.matrix.shape[0] == 0:
            return np.empty(0)
        matrix = frame.matrix
        if frame.names != learned:
            matrix = matrix[:, [place[name] for name in learned]]
        threads = 1 if len(matrix) < _ROWS_WORTH_THREADS else processes()
        return self.ensembles[task].score(matrix, threads)

    def importance(self) -> pd.DataFrame:
        """`task, feature, gain`, the gain a mean over the task's boosters."""
        parts = [
            pd.DataFrame(
                {
                    "task": task,
                    "feature": ensemble.features(),
                    "gain": np.mean([booster.feature_importance("gain") for booster in ensemble.boosters], axis=0),
                }
            )
            for task, ensemble in self.ensembles.items()
        ]
        return pd.concat(parts, ignore_index=True)

    def save(self, folder: Path) -> None:
        """Boosters as text, `<task>-1.txt` and on, in place of those of any ranker before; all else as JSON."""
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*-*.txt"):
            old.unlink()
        for task, ensemble in self.ensembles.items():
            for number, booster in enumerate(ensemble.boosters, start=1):
                booster.save_model(folder / f"{task}-{number}.txt")
        fusions = {task: asdict(ensemble.fusion) for task, ensemble in self.ensembles.items() if ensemble.fusion}
        scales = {task: list(ensemble.scales) for task, ensemble in self.ensembles.items() if ensemble.scales}
        (folder / _FUSIONS).write_text(json.dumps(fusions, indent=1) + "\n", encoding="utf-8")
        (folder / _SCALES).write_text(json.dumps(scales, indent=1) + "\n", encoding="utf-8")
        (folder / "codes.json").write_text(json.dumps(self.codes, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        codes = json.loads((folder / "codes.json").read_text(encoding="utf-8"))
        # A ranker made before there were such has no such files.
        fusions, scales = (
            json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
            for file in (folder / _FUSIONS, folder / _SCALES)
        )
        ensembles: dict[Task, Ensemble] = {
            task: Ensemble(
                [lgb.Booster(model_file=file) for file in sorted(folder.glob(f"{task}-*.txt"), key=_number)],
                Fusion(**fusions[task]) if task in fusions else None,
                scales.get(task),
            )
            for task in TASKS
        }
        return cls(ensembles, codes)


def _number(file: Path) -> int:
    return int(file.stem.rpartition("-")[2])
