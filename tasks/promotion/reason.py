"""The one sentence that says why, with the numbers that decided."""

from collections.abc import Sequence

from tasks.params.promotion import PromotionParams
from tasks.promotion.check import Check
from tasks.promotion.measured import Measured, named
from tasks.promotion.spending import place
from tasks.promotion.table import interval, number
from tasks.promotion.verdict import Decision

MOST_TOLD = 3
"""Failed checks that the sentence names; the table has them all."""


def reason(decision: Decision, checks: Sequence[Check], measured: Measured, params: PromotionParams) -> str:
    where = f"{named(measured.challenger)} against {measured.champion}"
    if isinstance(measured.champion, int):  # gates count only between versions
        where += f", gate {place(measured.gate, params)} of {params.gates}"
    return f"{_deciding(decision, checks)} ({where})"


def told(check: Check) -> str:
    """`NDCG@10 on all purchases +0.0100 (99.8 % interval +0.0031 to +0.0170) on 1,213 users`."""
    subject = check.name.partition(":")[0]
    if check.value is None:
        return f"{subject}: {check.says}"
    between = interval(check) or f"needed: {check.needs} {number(check.threshold or 0.0, check.unit)}"
    users = f" on {check.users:,} users" if check.users is not None else ""
    return f"{subject} {number(check.value, check.unit)} ({between}){users}"


def _deciding(decision: Decision, checks: Sequence[Check]) -> str:
    gains = [check for check in checks if check.kind == "gain"]
    failed = [check for check in checks if check.failed and check.kind != "gain"]
    if decision == "reject":
        rejecting = [check for check in failed if check.otherwise == "reject"]
        shown = "a loss is shown: " if any(check.value is not None for check in rejecting) else ""
        return shown + _listed(rejecting, checks)
    if any(check.failed for check in gains):
        return "no gain is shown: " + " and ".join(map(told, gains))
    gained = " and ".join(map(told, gains))
    if decision == "promote":
        return f"{gained}, and nothing that is guarded fell"
    return f"{gained}, but not shown to hold: {_listed(failed, checks)}"


def _listed(failed: Sequence[Check], checks: Sequence[Check]) -> str:
    """Without the names of slices, which come from outside."""
    slices = [check for check in failed if check.quoted is not None]
    named = [check for check in failed if check.quoted is None]
    parts = [told(check) for check in named[:MOST_TOLD]]
    if len(named) > MOST_TOLD:
        parts.append(f"{len(named) - MOST_TOLD} more")
    if slices:
        of = len([check for check in checks if check.quoted is not None])
        parts.append(f"{len(slices)} of {of} slices of users")
    return "; ".join(parts)
