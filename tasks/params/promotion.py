"""`promotion`: what a challenger must show to replace the champion."""

import math
from typing import Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from tasks.params.evaluation import Counts, Shares
from tasks.params.section import Section
from tasks.schema import TASKS


class GuardedMetric(Shares):
    metric: str
    """Its name in the evaluation."""


class MarginParams(Section):
    judged: Shares
    """Of the judged metric, on the task that did not gain."""
    recall: GuardedMetric
    novelty: GuardedMetric
    coverage: GuardedMetric


class GroupParams(Section):
    """Which groups of users are judged one by one, and how much one of them may lose of the judged metric."""

    min_users: Counts
    """A smaller group is not judged: what it would have to lose to be told from chance is more than the margin."""
    margin: Shares


class LatencyParams(Section):
    """The 95th percentile of single requests may be `times` the champion's, and is free below `free_ms`."""

    times: float = Field(ge=1)
    free_ms: float = Field(ge=0)


class SizeParams(Section):
    """The bundle may have `times` the champion's size and `plus_mib` more."""

    times: float = Field(ge=1)
    plus_mib: float = Field(ge=0)


class RefreshParams(Section):
    """When the champion's ranker with newer state may serve; see tasks/promotion/refreshed.py."""

    band: Shares
    """How far the judged metric on the newest horizon may lie from what it was when the ranker was learned: it may be
    1 + band times as much, and 1 / (1 + band)."""
    users: int = Field(default=500, ge=1)
    """Of those who came back in it so many are asked at most on each task, drawn by `promotion.seed`. With 500, chance
    alone moves NDCG@10 on The Complete Journey by 4 % on all purchases and by 15 % on new items (standard errors)."""


class PromotionParams(Section):
    """What a challenger must show to replace the champion; see tasks/promotion/gate.py for the rules."""

    mode: Literal["auto", "review"] = "auto"
    """auto: what passes the gate serves; review: a person says so."""
    alpha: float = Field(gt=0, lt=1)
    """Chance that, within `gates` gates against one champion, any challenger that is no better passes."""
    gates: PositiveInt
    metric: str
    """The metric that is judged."""
    min_lift: float = Field(ge=0)
    """The whole interval of the gain must be above it; absolute, not a share."""
    min_users: int = Field(ge=2)
    """A gain needs so many users whom the two serve differently well."""
    draws: int = Field(ge=100)
    """Bootstrap draws of users behind every interval of the gate."""
    seed: NonNegativeInt
    margins: MarginParams
    slices: GroupParams
    cold: GroupParams
    """The same for users with hardly a history."""
    latency: LatencyParams
    size: SizeParams
    refresh: RefreshParams = RefreshParams(band=Shares(all=0.3, new=1.0))

    @model_validator(mode="after")
    def draws_reach_the_ends(self) -> Self:
        tail = (1 - (1 - self.alpha) ** (1 / self.gates)) / len(TASKS)
        needed = math.ceil(_DRAWS_BEYOND_AN_END / tail)
        if self.draws < needed:
            raise ValueError(
                f"draws is {self.draws:,}, but an interval that errs once in {1 / tail:,.0f} gates needs {needed:,}"
                f" (alpha {self.alpha:g} in {self.gates} gates of two tasks): raise draws or alpha, or lower gates"
            )
        return self


_DRAWS_BEYOND_AN_END = 10
"""Fewer draws beyond an interval's end tell too little about where it is."""
