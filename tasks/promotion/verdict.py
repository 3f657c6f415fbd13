"""What a gate decided, for people and for the ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import TypeAdapter

from tasks.promotion.check import Check
from tasks.promotion.table import markdown, shortened

Decision = Literal["promote", "hold", "reject"]


@dataclass(frozen=True)
class Verdict:
    decision: Decision
    reason: str
    """One sentence with the deciding numbers; nothing in it can be taken for markup."""
    checks: tuple[Check, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON: plain types, no NaN; `from_dict` reads it."""
        return _ADAPTER.dump_python(self, mode="json")

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> "Verdict":
        """Raises pydantic's ValidationError where it is none."""
        return _ADAPTER.validate_python(saved)

    def table(self) -> str:
        """Markdown to read in a minute: what failed first, the slices that passed in one line."""
        return markdown(self.checks)

    def short_table(self) -> str:
        """Of the checks that decided."""
        return shortened(self.checks)


def decide(checks: Sequence[Check]) -> Decision:
    """A failed check leads where it says; past one, or without a gain, nothing is promoted."""
    failed = [check.otherwise for check in checks if check.failed]
    if "reject" in failed:
        return "reject"
    gained = any(check.kind == "gain" and check.passed for check in checks)
    return "promote" if gained and not failed else "hold"


_ADAPTER = TypeAdapter(Verdict)
