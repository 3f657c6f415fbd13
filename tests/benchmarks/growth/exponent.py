"""How what something takes grows with the size of the shop: cost = c * events ** exponent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

LINEAR = 1.05
"""The highest exponent that is still called linear."""


@dataclass(frozen=True)
class Growth:
    fitted: float
    """Least squares on the logarithms, over all sizes."""
    last: float
    """From the largest size but one to the largest. What is spent at any size, such as the start of a process, makes
    small shops look dear, and the fitted exponent low."""
    events: int
    """Largest size, and …"""
    cost: float
    """… what it took."""
    an_event: float
    """What each event took of those by which the largest size is larger than the one before."""

    @classmethod
    def of(cls, events: Sequence[int], costs: Sequence[float]) -> Self:
        """Raises ValueError where there are fewer than two sizes, or one is not above 0."""
        if len(events) != len(costs) or len(set(events)) < 2:
            raise ValueError(f"{len(set(events))} sizes and {len(costs)} costs, but growth takes two sizes or more")
        if min(*events, *costs) <= 0:
            raise ValueError(f"a size or cost is not above 0: {list(events)}, {list(costs)}")
        order = np.argsort(events)
        x, y = np.log(np.asarray(events, float)[order]), np.log(np.asarray(costs, float)[order])
        centred = x - x.mean()
        return cls(
            fitted=float(centred @ y / (centred @ centred)),
            last=float((y[-1] - y[-2]) / (x[-1] - x[-2])),
            events=int(np.asarray(events)[order[-1]]),
            cost=float(np.exp(y[-1])),
            an_event=float((np.exp(y[-1]) - np.exp(y[-2])) / (np.exp(x[-1]) - np.exp(x[-2]))),
        )

    @property
    def exponent(self) -> float:
        """The one that counts: the higher of the two."""
        return max(self.fitted, self.last)

    @property
    def is_linear(self) -> bool:
        return self.exponent <= LINEAR

    def at(self, events: float) -> float:
        """What a larger shop would take: by the exponent, or what every further event takes, whichever is more.

        The exponent alone would promise too much where most of what was measured is spent at any size.
        """
        power = self.cost * (events / self.events) ** self.exponent
        return max(power, self.cost + self.an_event * (events - self.events))

    def reaches(self, cost: float) -> float:
        """At how many events it would take so much; infinite where it does not grow."""
        if self.an_event <= 0:
            return float("inf")
        power = self.events * (cost / self.cost) ** (1 / self.exponent)
        return min(power, self.events + (cost - self.cost) / self.an_event)
