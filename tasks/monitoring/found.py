"""What a look at fresh data finds: one value a measure, and what it was held against."""

from dataclasses import dataclass
from typing import Literal

Group = Literal["data", "features", "predictions", "quality"]
Status = Literal["within", "breach", "not judged"]
GROUPS: dict[Group, str] = {
    "quality": "What the champion does",
    "data": "What shoppers do",
    "features": "What the ranker reads",
    "predictions": "What is recommended",
}
"""In the order in which people are shown them."""


@dataclass(frozen=True)
class Found:
    measure: str
    """Its name, such as `new users`."""
    group: Group
    says: str
    """For people: what was seen, or why nothing could be told."""
    status: Status
    value: float | None = None
    """None where nothing could be measured."""
    bound: float | None = None
    """A value beyond it is a breach: above it; of quality, an interval below it. None: the past is too short."""
    usual: float | None = None
    """The median of the past; of quality, what was promised."""
    low: float | None = None
    high: float | None = None
    """Ends of a 95 % interval, of quality."""

    @property
    def is_breach(self) -> bool:
        return self.status == "breach"


def not_judged(measure: str, group: Group, why: str) -> Found:
    return Found(measure, group, why, "not judged")


def breaches(found: tuple[Found, ...]) -> tuple[Found, ...]:
    return tuple(of for of in found if of.is_breach)
