"""What is searched: the ranker's settings and their ranges. All else of `ranker.<task>` stays as it is."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from optuna import Trial

from tasks.params.ranker import BoosterParams

Settings = dict[str, Any]
"""Of `BoosterParams`, by its names: those that are searched."""
_DIGITS = 3
"""That a number has which is written to params.yaml."""


@dataclass(frozen=True)
class Range:
    """Both ends are among what is tried."""

    low: float
    high: float
    log: bool = False
    """Whether a step is a factor: for what differs by orders of magnitude."""
    whole: bool = False

    def including(self, value: float) -> "Range":
        """As wide as that `value` is in it; a step is no factor where that is 0."""
        return replace(self, low=min(self.low, value), high=max(self.high, value), log=self.log and value > 0)

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}{', log' if self.log else ''}"


Choices = tuple[Any, ...]
SPACE: Mapping[str, Range | Choices] = {
    "objective": ("lambdarank", "rank_xendcg", "binary"),
    "learning_rate": Range(0.03, 0.2, log=True),
    "num_leaves": Range(7, 127, log=True, whole=True),
    "min_data_in_leaf": Range(10, 400, log=True, whole=True),
    "feature_fraction": Range(0.3, 1.0),
    "bagging_fraction": Range(0.4, 1.0),
    "bagging_by_query": (False, True),
    "lambda_l2": Range(0.1, 100.0, log=True),
    "cat_smooth": Range(1.0, 1000.0, log=True),
    "truncation_level": Range(10, 100, log=True, whole=True),
    "negatives": Range(0.1, 0.6, log=True),
}
SPAN = "span"
"""Is searched too, as far as there are folds: `Space`."""


@dataclass(frozen=True)
class Space:
    ranges: Mapping[str, Range | Choices]
    most_folds: int
    """That a judged week has to learn from: a span of so many, or more, means all of them at once."""
    all_at_once: int | None = None
    """How that is written in params: the present span where it is no shorter, else `span: null`."""

    @classmethod
    def around(cls, present: BoosterParams, most_folds: int) -> "Space":
        """The space with the present params in it. `most_folds`: that a judged week has to learn from."""
        most_folds = min(most_folds, present.folds or most_folds)
        given = present.model_dump()
        ranges: dict[str, Range | Choices] = {
            name: of.including(given[name]) if isinstance(of, Range) else of for name, of in SPACE.items()
        }
        proposed = min(present.span or most_folds, most_folds)
        ranges[SPAN] = Range(min(2, most_folds), most_folds, whole=True).including(proposed)
        return cls(ranges, most_folds, present.span if (present.span or 0) >= most_folds else None)

    def suggested(self, trial: Trial) -> Settings:
        """What Optuna proposes for a trial."""
        return self.settings({name: _ask(trial, name, of) for name, of in self.ranges.items()})

    def settings(self, proposed: Mapping[str, Any]) -> Settings:
        """Of what a trial was asked to try."""
        found = {
            name: float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value
            for name, value in proposed.items()
        }
        return found | {SPAN: self.all_at_once if found[SPAN] >= self.most_folds else found[SPAN]}

    def proposal(self, present: BoosterParams) -> dict[str, Any]:
        """The present params as a trial that tries them."""
        given = present.model_dump(include=set(self.ranges))
        return given | {SPAN: min(present.span or self.most_folds, self.most_folds)}

    def told(self) -> dict[str, str]:
        """Ranges in words."""
        return {name: str(of) if isinstance(of, Range) else ", ".join(map(str, of)) for name, of in self.ranges.items()}

    def as_json(self) -> dict[str, Any]:
        of = {name: asdict(of) if isinstance(of, Range) else list(of) for name, of in self.ranges.items()}
        return of | {"all at once": self.all_at_once}


def with_settings(present: BoosterParams, settings: Settings) -> BoosterParams:
    return BoosterParams.model_validate(present.model_dump() | settings)


def _ask(trial: Trial, name: str, of: Range | Choices) -> Any:
    if not isinstance(of, Range):
        return trial.suggest_categorical(name, of)
    if of.whole:
        return trial.suggest_int(name, int(of.low), int(of.high), log=of.log)
    return trial.suggest_float(name, of.low, of.high, log=of.log)
