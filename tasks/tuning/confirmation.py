"""Whether the best trial is better than the present params, or was lucky: both learned anew with other seeds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tasks.evaluation.intervals import bootstrap
from tasks.ingestion.storage import replace_file
from tasks.kept_folds import digest
from tasks.params.evaluation import EvaluationParams
from tasks.params.ranker import BoosterParams
from tasks.tuning.judging import JUDGED
from tasks.tuning.weeks import Week, Weeks

_APART = 1000
"""Between seeds: more than a ranker has boosters, each with a seed of its own."""
POOLED = "all judged weeks"


@dataclass(frozen=True)
class Compared:
    """Winner and present params for the same users, NDCG@10, means over seeds; the gain with a 95 % interval."""

    weeks: str
    users: int
    present: float
    winner: float
    gain: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.gain:+.4f} (95 % interval {self.low:+.4f} to {self.high:+.4f})"


@dataclass(frozen=True)
class Confirmed:
    by_week: tuple[Compared, ...]
    pooled: Compared
    """Over users and weeks: a user is drawn with all of their weeks."""
    aside: Compared | None
    """The week that no trial was judged on."""
    seeds: tuple[int, ...]

    @property
    def is_shown(self) -> bool:
        """The best of many trials looks better than it is on the weeks that chose it; hence also the other one."""
        return self.pooled.low > 0 and (self.aside is None or self.aside.gain > 0)

    @property
    def why(self) -> str:
        found = f"{JUDGED} {self.pooled} over {POOLED}"
        if self.pooled.low <= 0:
            return f"nothing is shown: {found}, and the interval has to lie above 0"
        if self.aside is None:
            return f"the winner is better: {found}"
        beside = f"{self.aside.gain:+.4f} in week {self.aside.weeks}, which no trial was judged on"
        if self.is_shown:
            return f"the winner is better: {found}, and {beside}"
        return f"nothing is shown: {found}, but {beside}"


def other_seeds(present: BoosterParams, count: int) -> tuple[int, ...]:
    return tuple(present.seed + _APART * n for n in range(1, count + 1))


@dataclass(frozen=True)
class Confirmation:
    values: Callable[[Week, BoosterParams], pd.Series]
    """`Judge.values`"""
    weeks: Weeks
    evaluation: EvaluationParams
    kept: Path
    """Folder of this study for what was learned and judged, so that it is not done again."""

    def confirm(
        self, present: BoosterParams, winner: BoosterParams, seeds: Sequence[int], say: Callable[[str], None]
    ) -> Confirmed:
        for name, of in (("present params", present), ("winner", winner)):
            for seed in seeds:  # weeks innermost: they share most boosters
                for week in self.weeks.all:
                    self._values(week, of.model_copy(update={"seed": seed}))
                say(f"{name} learned with seed {seed}")
        found: dict[str, pd.DataFrame] = {}
        for week in self.weeks.all:
            found[week.name] = pd.DataFrame(
                {name: self._mean_of_seeds(week, of, seeds) for name, of in (("present", present), ("winner", winner))}
            )
            say(f"week {week.name}: {self._compared(week.name, [found[week.name]])}")
        judged = [found[week.name] for week in self.weeks.judged]
        aside = self.weeks.aside
        return Confirmed(
            by_week=tuple(self._compared(week.name, [found[week.name]]) for week in self.weeks.judged),
            pooled=self._compared(POOLED, judged),
            aside=self._compared(aside.name, [found[aside.name]]) if aside else None,
            seeds=tuple(seeds),
        )

    def _compared(self, name: str, of_weeks: Sequence[pd.DataFrame]) -> Compared:
        """Every (user, week) counts alike. The number of a draw's weeks is taken for the number of all."""
        values = pd.concat(of_weeks)
        gains = (values["winner"] - values["present"]).groupby(level=0).agg(["sum", "size"])
        per_user = gains["sum"].to_numpy(np.float64) / gains["size"].mean()
        of = bootstrap(per_user[:, None], self.evaluation.draws, self.evaluation.seed)
        means = values.mean()
        ends = (float(of.mean[0]), float(of.low[0]), float(of.high[0]))
        return Compared(name, len(gains), float(means["present"]), float(means["winner"]), *ends)

    def _mean_of_seeds(self, week: Week, params: BoosterParams, seeds: Sequence[int]) -> pd.Series:
        values = [self._values(week, params.model_copy(update={"seed": seed})) for seed in seeds]
        return pd.concat(values, axis=1).mean(axis=1)

    def _values(self, week: Week, params: BoosterParams) -> pd.Series:
        file = self.kept / f"{digest(week.name, params.model_dump(mode='json', exclude={'threads'}))}.parquet"
        if not file.exists():
            values = self.values(week, params)
            replace_file(file, values.rename("value").to_frame().to_parquet())
        return pd.read_parquet(file)["value"]
