"""Whether a refreshed champion may serve. Its ranker is the champion's, so it needs no gate; its state has to be sane.

| check             | passes where                                                                         | else   |
|-------------------|--------------------------------------------------------------------------------------|--------|
| ranker and code   | each file is byte for byte the champion's                                            | reject |
| data              | the validation accepted it                                                           | reject |
| newer             | the state is as of no earlier day than the champion's                                | reject |
| lists, known      | of a sample of users: nobody that was not asked for, nothing that was never sold     | reject |
| lists, complete   | none is shorter than what the shop sells to that user allows                         | reject |
| judged metric     | of `promotion.refresh.users` users on the newest whole horizon within                | reject |
|                   | `promotion.refresh.band` of what it was                                              |        |

The last is asked of each task that was measured when the ranker was learned. Where the newest horizon cannot say, the
refresh is held.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from tasks.evaluation.headline import TASK_NAMES, metric_title
from tasks.params.promotion import PromotionParams
from tasks.promotion.check import Check
from tasks.promotion.newest import Newest
from tasks.promotion.sample import Sample
from tasks.promotion.table import number
from tasks.promotion.verdict import Decision, Verdict
from tasks.schema import Task


@dataclass(frozen=True)
class Refreshed:
    """What was seen of a refreshed version."""

    champion: int
    """The version that was refreshed."""
    differing: tuple[str, ...]
    """Files of ranker and code that are not the champion's."""
    accepted: bool
    """Whether the validation accepted its data."""
    as_of: datetime
    champion_as_of: datetime
    """The cutoffs of the two states."""
    sample: Sample
    newest: Mapping[Task, Newest]
    """Of each task that was measured when the ranker was learned."""


def judge_refresh(found: Refreshed, params: PromotionParams) -> Verdict:
    """Promotes where nothing failed; else rejects, or holds where no more is wrong than that it could not be told."""
    checks = (*_of_state(found), *_of_newest(found, params))
    failed = [check for check in checks if check.failed]
    if not failed:
        decision: Decision = "promote"
        told = "; ".join(f"{check.name} {check.says}" for check in checks if check.value is not None)
        return Verdict(decision, f"{_what(found)}: {told}", checks)
    decision = "reject" if any(check.otherwise == "reject" for check in failed) else "hold"
    told = "; ".join(f"{check.name}: {check.says}" for check in failed)
    return Verdict(decision, f"not {_what(found)}: {told}", checks)


def _what(found: Refreshed) -> str:
    return f"the ranker of version {found.champion} with its state as of {found.as_of:%Y-%m-%d}"


def _of_state(found: Refreshed) -> Iterator[Check]:
    sample, differing = found.sample, found.differing
    says = f"{len(differing)} of its files differ, such as {differing[0]}" if differing else "byte for byte"
    yield _sanity("ranker and code: the champion's", not differing, says)
    accepted = "accepted" if found.accepted else "did not accept"
    yield _sanity("data", found.accepted, f"the validation {accepted} it")
    newer = f"as of {found.as_of:%Y-%m-%d %H:%M} UTC, the champion's as of {found.champion_as_of:%Y-%m-%d %H:%M} UTC"
    yield _sanity("state: not older than the champion's", found.as_of >= found.champion_as_of, newer)
    of = f"of {sample.lists:,} lists of {sample.users:,} users"
    strange = f"{sample.unknown_users:,} users that were not asked for, {sample.unknown_items:,} items never sold, {of}"
    yield _sanity("lists: users and items are known", not (sample.unknown_users or sample.unknown_items), strange)
    complete = sample.lists > 0 and sample.short == 0
    yield _sanity("lists: complete", complete, f"{sample.short:,} too short or missing {of}")


def _sanity(name: str, passed: bool, says: str) -> Check:
    return Check(name=name, says=says, status="pass" if passed else "fail", kind="sanity", otherwise="reject")


def _of_newest(found: Refreshed, params: PromotionParams) -> Iterator[Check]:
    if not found.newest:
        says = f"not possible: version {found.champion} has no {metric_title(params.metric)} to compare with"
        yield Check(name="judged metric", says=says, status="fail", kind="guardrail")
    for task, of in found.newest.items():
        yield _near(task, of, params)


def _near(task: Task, of: Newest, params: PromotionParams) -> Check:
    name = f"{metric_title(params.metric)} on {TASK_NAMES[task]}"
    learned = number(of.learned, signed=False)
    if of.now is None:
        says = f"not possible: on the newest horizon nobody can be measured; {learned} when the ranker was learned"
        return Check(name=name, says=says, status="fail", kind="guardrail", users=0)
    if of.learned == 0:
        says = "it was 0 when the ranker was learned, so there is nothing to be near to"
        return Check(name=name, says=says, status="not measured", kind="guardrail", users=of.users)
    off, most = _percent_off(of.now, of.learned), 100 * params.refresh.band.of(task)
    return Check(
        name=name,
        says=f"{number(of.now, signed=False)} on the newest horizon, {learned} when the ranker was learned",
        value=off,
        threshold=most,
        status="pass" if off is not None and off <= most else "fail",
        kind="guardrail",
        otherwise="reject",
        needs="at most",
        unit="% off",
        users=of.users,
    )


def _percent_off(now: float, learned: float) -> float | None:
    """100 for half as much, and for twice as much; None for nothing at all."""
    return 100 * (max(now / learned, learned / now) - 1) if now > 0 else None
