"""What is asked of one task: that it gained, and that nothing in it fell."""

from collections.abc import Iterator

import numpy as np

from tasks.errors import BrokenCheckError
from tasks.evaluation.headline import TASK_NAMES, metric_title
from tasks.params.promotion import GroupParams, GuardedMetric, PromotionParams
from tasks.promotion.check import Check
from tasks.promotion.measured import MeasuredTask, Paired, Slice
from tasks.promotion.questions import Question
from tasks.promotion.table import number, percent
from tasks.schema import Task

ONE_SIDED = 0.05
"""What a guardrail's bound may err, before it is divided among the slices."""
TWO_SIDED = 0.025
"""What either end of a 95 % interval may err."""
NO_LOSS = ": no loss"
"""Ends the name of the check that has the lift over the champion with its 95 % interval."""


def judged_groups(task: Task, of: MeasuredTask, params: PromotionParams) -> list[Slice]:
    """The slices of enough users who have a value of the judged metric."""
    pair = pair_of(of, params.metric)
    return [part for part in of.slices if _users(part, pair) >= _group(part, params).min_users.of(task)]


def questions(task: Task, of: MeasuredTask, params: PromotionParams, gain_tail: float, groups: int) -> list[Question]:
    """`groups`: over how many slices of all tasks the bounds are corrected."""
    margins = params.margins
    guarded = [(name.metric, name.of(task)) for name in (margins.recall, margins.novelty)]
    pairs = [(metric, pair_of(of, metric), share) for metric, share in guarded]
    return [
        *_of_judged(task, pair_of(of, params.metric), params, gain_tail),
        *(_not_worse(task, metric, pair, share) for metric, pair, share in pairs),
        *(
            _group_holds(task, part, pair_of(of, params.metric), params, groups)
            for part in judged_groups(task, of, params)
        ),
    ]


def other_checks(task: Task, of: MeasuredTask, params: PromotionParams) -> Iterator[Check]:
    """What no bootstrap is needed for."""
    yield _coverage(task, of, params.margins.coverage)
    yield _re_ranking(task, of, params)
    yield from _too_few(task, of, params)


def pair_of(of: MeasuredTask, metric: str) -> Paired:
    """Raises BrokenCheckError where that metric was not measured."""
    if metric not in of.metrics:
        known = ", ".join(of.metrics) or "nothing"
        raise BrokenCheckError(f"the gate judges by '{metric}', but what was measured of the two is {known}")
    return of.metrics[metric]


def _subject(metric: str, task: Task) -> str:
    return f"{metric_title(metric)} on {TASK_NAMES[task]}"


def _of_judged(task: Task, pair: Paired, params: PromotionParams, gain_tail: float) -> Iterator[Question]:
    subject, margin = _subject(params.metric, task), params.margins.judged.of(task)
    yield Question(
        name=f"{subject}: gain",
        says="one task is enough",
        difference=pair.difference,
        tail=gain_tail,
        needs="above",
        threshold=params.min_lift,
        kind="gain",
        differing=params.min_users,
    )
    yield _not_worse(task, params.metric, pair, margin)
    yield Question(
        name=f"{subject}{NO_LOSS}",
        says="a loss is shown where the whole interval is below",
        difference=pair.difference,
        tail=TWO_SIDED,
        needs="reaching",
        threshold=-margin * pair.of_champion if task == "new" else 0.0,
        leads_to_rejection=True,
    )


def _not_worse(task: Task, metric: str, pair: Paired, share: float) -> Question:
    return Question(
        name=f"{_subject(metric, task)}: not worse",
        says=_may_lose(share, pair.of_champion),
        difference=pair.difference,
        tail=ONE_SIDED,
        needs="at least",
        threshold=-share * pair.of_champion,
    )


def _may_lose(share: float, of_champion: float) -> str:
    return f"at most {percent(share)} of the champion's {number(of_champion, signed=False)} may be lost"


def _group(part: Slice, params: PromotionParams) -> GroupParams:
    return params.cold if part.is_cold else params.slices


def _users(part: Slice, pair: Paired) -> int:
    return int((part.inside & ~np.isnan(pair.champion)).sum())


def _group_holds(task: Task, part: Slice, pair: Paired, params: PromotionParams, groups: int) -> Question:
    share = _group(part, params).margin.of(task)
    return Question(
        name=f"{_subject(params.metric, task)}, {'cold users' if part.is_cold else 'slice'}",
        says=_may_lose(share, pair.of_champion) + f"; corrected for {groups} slices",
        difference=np.where(part.inside, pair.difference, np.nan),
        tail=ONE_SIDED / groups,
        needs="at least",
        threshold=-share * pair.of_champion,
        quoted=f"{part.dimension}: {part.value}",
    )


def _coverage(task: Task, of: MeasuredTask, guarded: GuardedMetric) -> Check:
    sides, share = of.coverage, guarded.of(task)
    lost, allowed = sides.challenger - sides.champion, -share * sides.champion
    measured = bool(np.isfinite(lost))
    return Check(
        name=f"{_subject(guarded.metric, task)}: not worse",
        says=_may_lose(share, sides.champion) if measured else "it was not measured of both",
        value=lost if measured else None,
        threshold=allowed if measured else None,
        status="pass" if measured and lost >= allowed else "fail",
        kind="guardrail",
        needs="at least",
    )


def _re_ranking(task: Task, of: MeasuredTask, params: PromotionParams) -> Check:
    name = f"re-ranking on {TASK_NAMES[task]}: pays"
    if of.lift is None:
        missing = "no single retriever was measured beside it: switch one on"
        return Check(name=name, says=missing, status="fail", kind="sanity")
    return Check(
        name=name,
        says=f"{metric_title(params.metric)} over its best single retriever",
        value=of.lift.value,
        low=of.lift.low,
        high=of.lift.high,
        threshold=0.0,
        status="pass" if of.lift.low > 0 else "fail",
        kind="sanity",
        otherwise="reject" if of.lift.high < 0 else "hold",
        needs="above",
        level=1 - 2 * TWO_SIDED,
    )


def _too_few(task: Task, of: MeasuredTask, params: PromotionParams) -> Iterator[Check]:
    """The groups that are not judged, so that nobody takes them for safe: cold users by name, slices by number."""
    pair, subject = pair_of(of, params.metric), _subject(params.metric, task)
    cold, needed = next((_users(part, pair) for part in of.slices if part.is_cold), 0), params.cold.min_users.of(task)
    if cold < needed:
        says = f"not measured: {cold} users, {needed} are needed"
        yield Check(name=f"{subject}, cold users", says=says, status="not measured", kind="guardrail", users=cold)
    judged = len([part for part in judged_groups(task, of, params) if not part.is_cold])
    left = len([part for part in of.slices if not part.is_cold]) - judged
    if left:
        says = f"not measured: {left} slices of fewer than {params.slices.min_users.of(task)} users"
        yield Check(name=f"{subject}, small slices", says=says, status="not measured", kind="guardrail")
