"""Expectation suites: the JSON files that people edit, and the values that they can refer to at run time.

`{"$PARAMETER": "as_of", "plus_days": -14}`, `{"$PARAMETER": "previous.rows.events", "times": 0.5}` and
`{"$INSTANT": "1990-01-01T00:00:00+00:00"}` may stand wherever a keyword argument's value may.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from tasks.errors import BrokenCheckError
from tasks.schema import TABLES, CheckedName, TableName

Severity = Literal["critical", "warning"]


@dataclass(frozen=True)
class Unknown:
    """A run-time value that this run does not have, such as the previous run's rows in a first run."""

    why: str


class UnknownValueError(Exception):
    """An expectation refers to an `Unknown` value: it does not apply in this run."""


@dataclass(frozen=True)
class Expectation:
    rule: str
    type: str
    kwargs: Mapping[str, Any]
    says: str
    """What must hold, as a sentence."""
    severity: Severity = "critical"
    cure: str = ""

    @property
    def mostly(self) -> float:
        """The share of rows that must hold to it."""
        return float(self.kwargs.get("mostly", 1.0))

    @property
    def columns(self) -> list[str]:
        single = [self.kwargs[key] for key in ("column", "column_A", "column_B") if key in self.kwargs]
        return single + list(self.kwargs.get("column_list", []))


@dataclass(frozen=True)
class Suite:
    table: CheckedName
    digest: str
    """SHA-256 of the file."""
    expectations: tuple[Expectation, ...] = field(default_factory=tuple)


def load_suites(folder: Path) -> dict[TableName, Suite]:
    """`raw_<table>.json` of `folder`, for each table that has one. Raises BrokenCheckError where one cannot be read."""
    paths: dict[TableName, Path] = {name: folder / f"raw_{name}.json" for name in TABLES}
    suites: dict[TableName, Suite] = {name: load_suite(name, path) for name, path in paths.items() if path.exists()}
    if "events" not in suites:
        raise BrokenCheckError(f"{paths['events']} does not exist: without it nothing says what good events are")
    return suites


def resolved(kwargs: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """`kwargs` with run-time values in place; raises UnknownValueError, or KeyError for a name that `values` lacks."""
    return {key: _resolve(value, values) for key, value in kwargs.items()}


def load_suite(table: CheckedName, path: Path) -> Suite:
    """Raises BrokenCheckError where there is none, or it cannot be read."""
    try:
        content = path.read_bytes()
        parsed = json.loads(content)
        expectations = tuple(_expectation(entry) for entry in parsed["expectations"])
    except FileNotFoundError as error:
        raise BrokenCheckError(f"{path} does not exist: without it nothing says what good {table} are") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BrokenCheckError(f"{path} is no JSON: {error}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise BrokenCheckError(
            f"{path} is no suite ({type(error).__name__}: {error}): it needs a list 'expectations' of objects with"
            " 'type' and 'kwargs'"
        ) from error
    rules = [expectation.rule for expectation in expectations]
    twice = sorted({rule for rule in rules if rules.count(rule) > 1})
    if twice:
        raise BrokenCheckError(f"{path} uses the rule name(s) {twice} more than once: set another meta.rule")
    return Suite(table, hashlib.sha256(content).hexdigest(), expectations)


def _expectation(entry: Mapping[str, Any]) -> Expectation:
    kwargs, meta = dict(entry["kwargs"]), entry.get("meta", {})
    what = entry["type"].removeprefix("expect_")
    columns = Expectation("", "", kwargs, "").columns
    return Expectation(
        rule=meta.get("rule") or "_".join([*columns, what]),
        type=entry["type"],
        kwargs=kwargs,
        says=meta.get("says") or f"{', '.join(columns)}: {what.replace('_', ' ')}",
        severity="warning" if entry.get("severity") in ("warning", "info") else "critical",
        cure=meta.get("cure", ""),
    )


def _resolve(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_resolve(entry, values) for entry in value]
    if not isinstance(value, dict):
        return value
    if "$INSTANT" in value:
        return datetime.fromisoformat(value["$INSTANT"])
    if "$PARAMETER" not in value:
        return {key: _resolve(entry, values) for key, entry in value.items()}
    found = values[value["$PARAMETER"]]
    if isinstance(found, Unknown):
        raise UnknownValueError(found.why)
    if "times" in value:
        found = found * value["times"]
    return found + timedelta(days=value["plus_days"]) if "plus_days" in value else found
