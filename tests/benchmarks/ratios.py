"""What one revision takes and gives, against another that took turns with it; and when that is a regression."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

TOLERANCE = {"processors": 1.10, "clock": 1.30, "memory": 1.10}
"""A step may take so many times what it took. The clock is less sure than processors: it counts others' work too."""
LEAST = {"processors": 0.5, "clock": 1.0, "memory": 25.0}
"""Smaller differences, in seconds and MiB, are none: a step that takes a second has a start of its own."""
QUALITY = 0.99
"""The least share of NDCG@10 that must be kept."""


@dataclass(frozen=True)
class Ratio:
    """Ours / theirs; low and high are the ends of its spread."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Turn by turn: a machine whose speed drifts is as slow for the one as for the other."""
    return [a / b for a, b in zip(ours, theirs, strict=True)]


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """The median of the turns, and their lowest and highest."""
    of_turns = ratios(ours, theirs)
    return Ratio(statistics.median(of_turns), min(of_turns), max(of_turns))


def is_dearer(ours: Sequence[float], theirs: Sequence[float], measure: str) -> bool:
    """Whether ours takes more than is tolerated in every one of the turns, and more than is worth a word."""
    more = statistics.median(a - b for a, b in zip(ours, theirs, strict=True))
    return ratio(ours, theirs).low > TOLERANCE[measure] and more >= LEAST[measure]


def is_worse(quality: Ratio) -> bool:
    """Whether the whole interval lies below what must be kept."""
    return quality.high < QUALITY


def spread(values: Sequence[float], form: str) -> str:
    """Minimum / median / maximum."""
    return " / ".join(format(v, form) for v in (min(values), statistics.median(values), max(values)))
