"""How numbers are written for people, as filters of the report's templates."""

from collections.abc import Callable, Mapping
from typing import Any

from tasks.evaluation.headline import metric_title, shoppers, system_title

MINUS = "\N{MINUS SIGN}"


def number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}".replace("-", MINUS)


def signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.4f}".replace("-", MINUS)


def percent(value: float | None) -> str:
    """A share with three figures at most: 56 %, 5.6 %, 0.056 %."""
    if value is None:
        return "–"
    digits = 0 if value >= 0.1 or value == 0 else 1 if value >= 0.01 else 2 if value >= 0.001 else 3
    return f"{value:.{digits}%}".replace("%", "\N{NO-BREAK SPACE}%")


def points(difference: float) -> str:
    """A difference of shares in percentage points."""
    return f"{100 * difference:+.1f} pts".replace("-", MINUS)


def interval(found: Mapping[str, float | None]) -> str:
    return f"{number(found['low'])} to {number(found['high'])}"


def signed_interval(found: Mapping[str, float | None]) -> str:
    return f"{signed(found['low'])} to {signed(found['high'])}"


def place(value: float | None, top: float) -> float:
    """Where a value stands on a scale from 0 to `top`, in per cent."""
    return round(min(100.0, max(0.0, 100 * (value or 0) / top)), 2)


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.0f} s"


FILTERS: dict[str, Callable[..., Any]] = {
    "number": number,
    "signed": signed,
    "percent": percent,
    "points": points,
    "interval": interval,
    "signed_interval": signed_interval,
    "place": place,
    "metric": metric_title,
    "system": system_title,
    "shoppers": shoppers,
}
