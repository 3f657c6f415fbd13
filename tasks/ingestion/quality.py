"""The facts of a validation: what was checked, what was found, what was removed and why."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from tasks.errors import BrokenCheckError, DataContractError, ShoprecError
from tasks.ingestion.suites import Expectation
from tasks.schema import CheckedName, TableName

Status = Literal["passed", "quarantined", "warning", "failed", "not applicable", "broken"]
"""passed: every row holds; quarantined: few rows do not, they were set aside; warning: breached, but nothing stops;
failed: breached, the run stops; not applicable: nothing to check; broken: the check itself could not run."""


@dataclass(frozen=True)
class Check:
    """What became of one expectation."""

    table: CheckedName
    expectation: Expectation
    status: Status
    observed: str = ""
    checked: int = 0
    unexpected: int = 0
    """Rows that break it, of `checked`; 0 for a table-level expectation."""
    examples: tuple[str, ...] = ()
    why: str = ""
    """Why it does not apply, or could not run."""

    @property
    def sentence(self) -> str:
        """One line for a person who has to mend the data."""
        rule = f"{self.table}.{self.expectation.rule}: {self.expectation.says}"
        if self.status == "broken":
            return f"{rule}; the check could not run: {self.why}"
        if self.unexpected:
            share, allowed = self.unexpected / max(self.checked, 1), 1 - self.expectation.mostly
            found = f"{self.unexpected:,} of {self.checked:,} rows ({share:.2%}) do not, {allowed:.2%} may"
        else:
            found = f"found {self.observed}"
        examples = f", such as {', '.join(self.examples)}" if self.examples else ""
        cure = f"\n      -> {self.expectation.cure}" if self.expectation.cure else ""
        return f"{rule}; {found}{examples}{cure}"


@dataclass(frozen=True)
class Removal:
    """Rows taken out of a table by one rule, of an expectation or of cleaning."""

    table: TableName
    rule: str
    reason: str
    rows: int
    by: Literal["contract", "cleaning"]


@dataclass(frozen=True)
class Quality:
    source: str
    as_of: str
    read: dict[TableName, int]
    kept: dict[TableName, int] = field(default_factory=dict)
    """Empty where the data was refused."""
    checks: tuple[Check, ...] = ()
    removals: tuple[Removal, ...] = ()
    notes: tuple[str, ...] = ()
    suites: dict[TableName, str] = field(default_factory=dict)
    """SHA-256 of each suite's file."""
    profile: dict[str, Any] = field(default_factory=dict)
    nothing_left: str = ""
    """Why no event to learn from would be left, where the data keeps the contract."""

    @property
    def verdict(self) -> Literal["accepted", "refused", "unknown"]:
        found = {check.status for check in self.checks}
        refused = "failed" in found or self.nothing_left
        return "unknown" if "broken" in found else "refused" if refused else "accepted"

    def with_status(self, *statuses: Status) -> list[Check]:
        return [check for check in self.checks if check.status in statuses]

    def error(self) -> ShoprecError | None:
        """Everything that is wrong, not the first; None where the data was accepted."""
        failed, broken = self.with_status("failed"), self.with_status("broken")
        breaches = f"the data breaks {len(failed)} expectation(s):{_lines(failed)}" if failed else ""
        if broken:
            also = f"\nbesides, {breaches}" if failed else ""
            return BrokenCheckError(f"{len(broken)} check(s) could not run:{_lines(broken)}{also}")
        wrong = breaches or self.nothing_left
        return DataContractError(f"{wrong}\nthe last good data stays as it is") if wrong else None

    def as_dict(self) -> dict[str, Any]:
        """For JSON: the same facts as on the page."""
        facts = asdict(self) | {"verdict": self.verdict}
        facts["checks"] = [_check_facts(check) for check in self.checks]
        facts["quarantined"] = _rows_by_table(r for r in self.removals if r.by == "contract")
        facts["cleaned"] = _rows_by_table(r for r in self.removals if r.by == "cleaning")
        return facts


def _lines(checks: list[Check]) -> str:
    return "".join(f"\n  {check.sentence}" for check in checks)


def _check_facts(check: Check) -> dict[str, Any]:
    expectation = check.expectation
    facts = {key: value for key, value in asdict(check).items() if key != "expectation"}
    return facts | {
        "rule": expectation.rule,
        "type": expectation.type,
        "columns": expectation.columns,
        "says": expectation.says,
        "severity": expectation.severity,
        "mostly": expectation.mostly,
        "cure": expectation.cure,
        "kwargs": dict(expectation.kwargs),
    }


def _rows_by_table(removals: Iterable[Removal]) -> dict[str, int]:
    rows: dict[str, int] = {}
    for removal in removals:
        rows[removal.table] = rows.get(removal.table, 0) + removal.rows
    return rows
