"""One look: all that was found at one time, of one champion, in one week of data."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from tasks.monitoring.found import Found, breaches
from tasks.params.monitoring import MonitoringParams


@dataclass(frozen=True)
class Look:
    champion: int
    """The version that serves."""
    learned: int
    """The version as which its ranker was learned: itself, unless it is a refresh."""
    known: datetime
    """Until when the data reached that the ranker was made and measured with."""
    start: datetime
    end: datetime
    """The newest horizon: [start, end), UTC."""
    found: tuple[Found, ...]

    @property
    def breaches(self) -> tuple[Found, ...]:
        return breaches(self.found)


def digest_of(learned: int, data: str, params: MonitoringParams) -> str:
    """Of all that a look depends on: the same digest, the same findings. `data`: DVC's hash of the valid tables."""
    told = {"learned": learned, "data": data, "params": params.model_dump(mode="json")}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def in_words(look: Look) -> str:
    week = f"the week from {look.start:%Y-%m-%d} to {look.end:%Y-%m-%d}"
    if not look.breaches:
        silent = sum(of.status == "not judged" for of in look.found)
        judged = f"{len(look.found) - silent} measures are within what is usual" + f", {silent} could not be judged" * (
            silent > 0
        )
        return f"No alarm for version {look.champion} in {week}: {judged}."
    told = "; ".join(f"{of.measure} ({of.says})" if of.says else of.measure for of in look.breaches)
    return f"ALARM for version {look.champion} in {week}: {told}."


def rows_of(look: Look) -> list[dict[str, str]]:
    """For a table: a row a measure."""
    return [
        {
            "about": of.group,
            "measure": of.measure,
            "status": of.status,
            "value": _number(of.value),
            "usual": _number(of.usual),
            "bound": _number(of.bound),
            "says": of.says,
        }
        for of in look.found
    ]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
