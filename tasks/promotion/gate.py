"""The gate: whether a challenger replaces the champion. A pure decision on measured evidence.

| check                     | passes where                                                          | else           |
|---------------------------|-----------------------------------------------------------------------|----------------|
| gain; one task is enough  | the sequential interval of the judged metric is above `min_lift`      | hold           |
| judged metric: not worse  | its bound is within the margin                                        | hold           |
| judged metric: no loss    | its 95 % interval is not all below 0 (new items: below the margin)    | reject         |
| recall, novelty           | the bound is within the margin                                        | hold           |
| coverage                  | the difference is within the margin                                   | hold           |
| slices, cold users        | the bound of the judged metric, corrected, is within the margin       | hold           |
| re-ranking pays           | the 95 % interval over the best single retriever is above 0           | hold or reject |
| latency, size             | at most `times` the champion's, or small                              | hold           |
| data                      | the validation accepted it                                            | reject         |
| different                 | some user is served differently well                                  | hold           |

All but the last three are asked of each task. A challenger is rejected where a failed check says so, promoted where a
task gained and nothing failed, and else held. A re-ranking that is not shown to pay holds; one that is shown to lose
rejects. What too few users tell about is reported as not measured, and decides nothing.

Intervals are of the paired difference, challenger minus champion, mean over users. A *bound* is one-sided at 95 %, the
low end of a 90 % interval; *corrected*: what it may err is divided among the slices of both tasks (Bonferroni). A
*margin* is a share of the champion's mean over all users of the task. How sure the *sequential interval* is, and why,
stands in `tasks/promotion/spending.py`.
"""

from collections.abc import Sequence

import numpy as np

from tasks.params.promotion import PromotionParams
from tasks.promotion.check import Check
from tasks.promotion.measured import Measured
from tasks.promotion.of_task import judged_groups, other_checks, pair_of, questions
from tasks.promotion.outside import sentence
from tasks.promotion.questions import answers
from tasks.promotion.reason import reason
from tasks.promotion.spending import tail_of_a_gain
from tasks.promotion.system import system_checks
from tasks.promotion.verdict import Verdict, decide


def judge(measured: Measured, params: PromotionParams) -> Verdict:
    """Raises BrokenCheckError where a metric that the params name was not measured."""
    tail = tail_of_a_gain(params, len(measured.tasks))
    groups = sum(len(judged_groups(task, of, params)) for task, of in measured.tasks.items())
    seed = params.seed + measured.gate  # draws that happen to be narrow are not those of every week
    checks: list[Check] = []
    for task, of in measured.tasks.items():
        checks += answers(questions(task, of, params, tail, groups), params.draws, seed)
        checks += other_checks(task, of, params)
    checks += [*system_checks(measured, params), _different(measured, params)]
    return _verdict(_one_gain_is_enough(checks), measured, params)


def judge_unmeasurable(champion: int, why: str) -> Verdict:
    """For a champion that could not be rebuilt or scored: then nothing is known, and nothing moves."""
    check = Check(
        name="champion scored on the same users",
        says="it could not be, so nothing shows that the challenger is better",
        status="fail",
        kind="sanity",
        quoted=why,
    )
    told = f"the champion, version {champion}, could not be scored on the same users: {sentence(why)}"
    return Verdict("hold", told, (check,))


def _different(measured: Measured, params: PromotionParams) -> Check:
    pairs = [pair_of(of, params.metric) for of in measured.tasks.values()]
    same = all(not np.nan_to_num(pair.difference).any() for pair in pairs)
    says = "the two are equal on every user" if same else "some users are served differently well"
    return Check(name="different from the champion", says=says, status="fail" if same else "pass", kind="sanity")


def _one_gain_is_enough(checks: Sequence[Check]) -> list[Check]:
    """Where a task gained, the other one does not fail by not gaining: that it is not worse is a check of its own."""
    gained = any(check.kind == "gain" and check.passed for check in checks)
    return [check for check in checks if not (gained and check.kind == "gain" and check.failed)]


def _verdict(checks: list[Check], measured: Measured, params: PromotionParams) -> Verdict:
    decision = decide(checks)
    return Verdict(decision, reason(decision, checks, measured, params), tuple(checks))
