"""`evaluation`: how lists are measured; and the bounds a task that promotion and monitoring share."""

from typing import Self

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator, model_validator

from tasks.params.section import Section
from tasks.schema import Task

MEASURED = ("recall", "precision", "f1", "ndcg", "map", "mrr", "hit_rate")
"""The metrics of how right a list is."""


class EvaluationParams(Section):
    """How lists are judged; none of this changes what is recommended."""

    list_lengths: tuple[PositiveInt, ...] = (5, 10, 20, 100)
    """The k of every metric@k; lists are scored down to the longest."""
    judged_by: str = "ndcg@10"
    """The metric that decides which retriever is the best single one and whether re-ranking beats it."""
    beside: str = "recall@20"
    """The metric shown beside it."""
    draws: int = Field(default=2000, ge=100)
    """Bootstrap draws of users behind every 95 % interval."""
    seed: NonNegativeInt = 7
    activity_groups: int = Field(default=4, ge=1)
    """Users are sliced into this many equal groups by number of events, and by tenure."""
    cold_events: int = Field(default=3, ge=1)
    """A user with at most this many events before the cutoff is cold."""
    item_age_days: tuple[PositiveInt, ...] = (30, 90, 180)
    """Edges between the slices of relevant items by days since their first sale."""
    item_buyers: tuple[PositiveInt, ...] = (10, 50, 200)
    """Edges between the slices of relevant items by number of buyers."""
    most_attribute_values: int = Field(default=12, ge=2)
    """A user attribute of more distinct values is grouped by quantile where numeric, else not sliced."""
    most_users: PositiveInt | None = None
    """Shoppers of the test fold who are asked and judged, drawn where more have a label; None: all of them."""

    @field_validator("list_lengths", "item_age_days", "item_buyers")
    @classmethod
    def ascending(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value or list(value) != sorted(set(value)):
            raise ValueError("name at least one number, in ascending order, each once")
        return value

    @model_validator(mode="after")
    def judged_by_what_is_measured(self) -> Self:
        known = [f"{metric}@{k}" for metric in MEASURED for k in self.list_lengths]
        for name, value in (("judged_by", self.judged_by), ("beside", self.beside)):
            if value not in known:
                raise ValueError(f"{name} is '{value}', but what is measured is {', '.join(known)}")
        return self


class Shares(Section):
    """A share a task of the champion's mean over all users of that task; so much may be lost at most."""

    all: float = Field(ge=0)
    new: float = Field(ge=0)

    def of(self, task: Task) -> float:
        return getattr(self, task)


class Counts(Section):
    """A number of users a task."""

    all: int = Field(ge=2)
    new: int = Field(ge=2)

    def of(self, task: Task) -> int:
        return getattr(self, task)
