"""`folds`, `features`, `ranker` and `diversity`: what the ranker learns from, how, and what is made of its lists."""

from typing import Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator, model_validator

from tasks.params.section import Section
from tasks.schema import Task


class FoldParams(Section):
    horizon_days: int = Field(ge=1, le=366)
    train: int = Field(ge=1, le=104)
    """How many folds before the validation fold the ranker learns from."""


class FeatureParams(Section):
    windows_days: tuple[int, ...] = Field(min_length=1)
    """Lengths of the windows that end at the cutoff, ascending."""
    half_lives_days: tuple[int, ...] = Field(min_length=1)
    """Half-lives of decayed counts."""
    promotions: bool = True
    """Whether the ranker reads what is promoted in the horizon, where the source knows it ahead."""

    @field_validator("windows_days", "half_lives_days")
    @classmethod
    def ascending(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if list(value) != sorted(set(value)) or value[0] < 1:
            raise ValueError("must be whole days above 0, ascending, each once")
        return value


Objective = Literal["lambdarank", "rank_xendcg", "binary"]
"""The first two learn the order within a user, the last one the chance that a candidate is bought."""


class BoosterParams(Section):
    """LightGBM's own names where it has one; see its documentation."""

    objective: Objective = "lambdarank"
    fusion_below: int = Field(default=0, ge=0)
    """With fewer purchases than this among the train folds' candidates, trees learn the chance of a purchase, whatever
    the objective, on top of the retrievers' fused ranks: from so little a ranker alone falls behind its own retrievers.
    0: never."""
    folds: int | None = Field(default=None, ge=1)
    """The ranker learns from so many of the train folds, the newest; None: all."""
    span: int | None = Field(default=None, ge=1)
    """Each booster learns from so many folds that follow each other, and is stopped on the fold after them: one for
    every such span of the folds, which a later retrain uses again as it is. None, or more than there are folds, and
    wherever trees start from the fused ranks: all folds at once."""
    negatives: float = Field(default=1.0, gt=0, le=1)
    """Share of the candidates that were not bought that the ranker learns from, and is stopped on, drawn at random."""
    most_users: int | None = Field(default=None, ge=1)
    """Of a fold it learns from the candidates of so many users with a purchase among theirs, drawn at random from more:
    what is to be learned of how people choose grows slower than the shop. None: from those of all."""
    rounds: int = Field(ge=1)
    """Most trees; early stopping keeps fewer."""
    patience: int = Field(ge=1)
    """Rounds without a better NDCG@`stop_at` on the fold after its own after which a booster stops."""
    stop_at: int = Field(default=10, ge=1)
    learning_rate: float = Field(gt=0)
    num_leaves: int = Field(ge=2)
    min_data_in_leaf: int = Field(ge=1)
    feature_fraction: float = Field(default=1.0, gt=0, le=1)
    bagging_fraction: float = Field(default=1.0, gt=0, le=1)
    lambda_l2: float = Field(default=0.0, ge=0)
    cat_smooth: float = Field(default=10.0, ge=0)
    truncation_level: int = Field(default=30, ge=1)
    bagging_by_query: bool = False
    """Whether the bagging draws whole lists of users, or single rows; such a booster is fitted on one thread."""
    boosters: int = Field(default=1, ge=1)
    """How many a span, of seeds seed, seed + 1, …: less chance in what is learned from little."""
    seed: NonNegativeInt
    threads: int = Field(default=0, ge=0)
    """Of one booster; 0: all. Boosters are fitted side by side, and the trees are the same on any number."""

    @property
    def sampling(self) -> tuple[float, int, int | None]:
        """Which rows it learns from: share of negatives, seed, most users of a fold."""
        return self.negatives, self.seed, self.most_users


class RankerParams(Section):
    """A booster a task."""

    all: BoosterParams
    new: BoosterParams

    def of(self, task: Task) -> BoosterParams:
        return getattr(self, task)


class StrengthParams(Section):
    """What is worth a loss of relevance in the first places of a list, in shares of the mean chance of a purchase that
    the ranker sees there. 0: nothing."""

    novelty: float = Field(default=0.0, ge=0)
    """For every bit of self-information: for an item against one that twice as many people bought."""
    variety: float = Field(default=0.0, ge=0)
    """For an item that shares no category with the others, against one that shares all of them with one."""


class DiversityParams(Section):
    """Re-ranks the first places of lists; tasks/recommender/diversity.py says how, docs/diversity.md what it costs."""

    all: StrengthParams = StrengthParams()
    new: StrengthParams = StrengthParams()
    places: PositiveInt = 10
    """How many first places are chosen together; those after them are as the ranker has them."""
    head: PositiveInt = 100
    """From so many candidates, the ranker's best."""

    @model_validator(mode="after")
    def head_fills_the_places(self) -> Self:
        if self.head < self.places:
            raise ValueError(f"head is {self.head}, but {self.places} places are filled from it: raise head")
        return self

    def of(self, task: Task) -> StrengthParams:
        return getattr(self, task)
