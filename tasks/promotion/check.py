"""One question that a gate asks, with its answer."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AllowInfNan

Status = Literal["pass", "fail", "not measured"]
Kind = Literal["gain", "guardrail", "sanity"]
Needs = Literal["above", "at least", "at most", "reaching"]
Number = Annotated[float, AllowInfNan(False)]


@dataclass(frozen=True, kw_only=True)
class Check:
    """Where there is an interval, the value is a mean of challenger minus champion over users."""

    name: str
    says: str
    """What is compared, or what is missing."""
    value: Number | None = None
    low: Number | None = None
    high: Number | None = None
    threshold: Number | None = None
    status: Status
    kind: Kind
    otherwise: Literal["hold", "reject"] = "hold"
    """What a failure leads to."""
    needs: Needs | None = None
    """How the value, or the interval where there is one, has to stand to the threshold."""
    level: Number | None = None
    """Of the interval, such as 0.95; the correction for many slices is in it."""
    unit: str = ""
    users: int | None = None
    """How many users the value is a mean over."""
    quoted: str | None = None
    """A slice's name, or an error's text: from outside, so whoever shows it must make it harmless."""

    @property
    def passed(self) -> bool:
        return self.status == "pass"

    @property
    def failed(self) -> bool:
        return self.status == "fail"
