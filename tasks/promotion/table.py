"""Checks as a Markdown table."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tasks.promotion.check import Check
from tasks.promotion.outside import code

_MARKS = {"fail": "**FAIL**", "not measured": "not measured", "pass": "pass"}
_HEAD = "| | check | found | interval | needed | |\n|---|---|---|---|---|---|"

_SMALL, _ROUNDING = 0.001, 5e-7


def markdown(checks: Sequence[Check]) -> str:
    """A row a check: failed ones first, then what was not measured, then the rest; slices that passed share one."""
    failed = [check for check in checks if check.failed]
    silent = [check for check in checks if check.status == "not measured"]
    passed = [check for check in checks if check.passed and check.quoted is None]
    rows = [*map(_row, [*failed, *silent, *passed]), *_slices_that_passed(checks)]
    return "\n".join([_HEAD, *rows])


def shortened(checks: Sequence[Check], slices: int = 3) -> str:
    """A row a check that failed or asked for a gain, of failed slices the first few; of others, how many there are."""
    failed = [check for check in checks if check.failed]
    of_slices = [check for check in failed if check.quoted is not None]
    shown = [check for check in failed if check.quoted is None] + of_slices[:slices]
    shown += [check for check in checks if check.kind == "gain" and not check.failed]
    others = Counter(check.status for check in checks if check not in shown)
    rows = [f"| {_MARKS[status]} | {n} more | | | | |" for status, n in sorted(others.items())]
    return "\n".join([_HEAD, *map(_row, shown), *rows])


def number(value: float, unit: str = "", signed: bool = True) -> str:
    """A difference with its sign and four decimals, six where it is very small; with a unit, one decimal."""
    if unit:
        return f"{value:,.1f} {unit}"
    form = ".6f" if _ROUNDING < abs(value) < _SMALL else ".4f"
    return format(value, f"+{form}" if signed else form)


def percent(share: float) -> str:
    """A confidence or a margin: 99.8 %, 95 %, 3 %."""
    return f"{100 * share:.4g} %"


def interval(check: Check) -> str:
    """`99.8 % interval +0.0031 to +0.0170`; empty where there is none."""
    if check.low is None or check.high is None or check.level is None:
        return ""
    return f"{percent(check.level)} interval {number(check.low)} to {number(check.high)}"


def _row(check: Check) -> str:
    name = check.name if check.quoted is None else f"{check.name}: {code(check.quoted)}"
    value = "" if check.value is None else number(check.value, check.unit)
    between = interval(check).replace(" interval", ":")
    needed = "" if check.threshold is None else f"{check.needs} {number(check.threshold, check.unit)}"
    users = "" if check.users is None else f"{check.users:,} users; "
    return f"| {_MARKS[check.status]} | {name} | {value} | {between} | {needed} | {users}{check.says} |"


def _slices_that_passed(checks: Sequence[Check]) -> Iterator[str]:
    passed = [check for check in checks if check.passed and check.quoted is not None]
    if passed:
        nearest = min(passed, key=_room)
        told = f"{len(passed)} slices of users; nearest to its margin is {nearest.name}"
        yield _row(replace(nearest, name=told))


def _room(check: Check) -> float:
    """How far the low end of the interval is from what is needed."""
    return (check.low or 0.0) - (check.threshold or 0.0)
