"""When to retrain: a year of The Complete Journey, week by week, under several policies.

    python -m tests.benchmarks.replay --cache /tmp/replay --out docs/monitoring.md

Every policy serves the state as of each week's first instant, as a nightly refresh keeps it, and differs in when the
ranker is learned anew; a new ranker serves at once, but where the policy says `behind the gate`. Drift is what
`tasks.monitoring` says of the data up to that week. It is cheap on purpose: four train folds, one booster of sixty
large steps, and half of the shoppers. A replay that was stopped goes on from what is in the cache.
"""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console

from tasks.evaluation.intervals import bootstrap
from tasks.ingestion.valid import Valid
from tasks.params import load_params
from tasks.promotion.spending import tail_of_a_gain
from tasks.schema import TASKS, Task
from tests.benchmarks.replay_looks import Looks
from tests.benchmarks.replay_page import Played, Replay, write_page
from tests.benchmarks.replay_weeks import FIRST, LABELLED, TRAIN, Weeks

Serving = dict[int, int]
"""Fold to the ranker that serves in it."""
NEVER, MONTHLY, WEEKLY, DRIFT = "never", "every 4 weeks", "weekly", "on drift"
COMPARED = ((WEEKLY, MONTHLY), (DRIFT, MONTHLY), (WEEKLY, DRIFT))
DRAWS, SEED = 2000, 7


def every(weeks: int, last: int) -> Serving:
    return {fold: fold - (fold - FIRST) % weeks for fold in range(FIRST, last + 1)}


def on_drift(looks: Looks, last: int) -> Serving:
    """The look at the end of a week decides whether the next one gets a new ranker."""
    serving, ranker = Serving(), FIRST
    for fold in range(FIRST, last + 1):
        serving[fold] = ranker
        if fold < last and looks.breaches(ranker, fold):
            ranker = fold + 1
    return serving


def behind_the_gate(weeks: Weeks, step: int, last: int) -> Serving:
    """A retrain every `step` weeks, which serves where it passes the gate's two first questions, on the fold that
    neither has learned from: the interval of its gain in NDCG@10 is above 0 on one task, and on no task is more than
    the margin lost. The gate itself asks more than that."""
    serving, ranker = Serving(), FIRST
    for fold in range(FIRST, last + 1):
        if fold > FIRST and (fold - FIRST) % step == 0 and _passes(weeks, ranker, fold):
            ranker = fold
        serving[fold] = ranker
    return serving


def _passes(weeks: Weeks, champion: int, challenger: int) -> bool:
    params = weeks.params.promotion
    level = 1 - 2 * tail_of_a_gain(params, len(TASKS))
    gains: dict[Task, bool] = {}
    losses: dict[Task, bool] = {}
    for task in TASKS:
        ours, theirs = (weeks.values(ranker, challenger - 1, task) for ranker in (challenger, champion))
        found = bootstrap((ours - theirs).to_numpy()[:, None], params.draws, params.seed, level)
        gains[task] = float(found.low[0]) > params.min_lift
        losses[task] = float(found.mean[0]) < -params.margins.judged.of(task) * float(theirs.mean())
    return any(gains.values()) and not any(losses.values())


def played(weeks: Weeks, name: str, serving: Serving, learned: int | None = None) -> Played:
    """`learned`: how many rankers were learned after the first one; None: those that served."""
    retrains = len(set(serving.values())) - 1 if learned is None else learned
    by_week: dict[Task, dict[int, float]] = {task: _by_week(weeks, serving, task) for task in TASKS}
    never = dict.fromkeys(serving, FIRST)
    gains: dict[Task, tuple[float, float, float]] = {task: _gain(weeks, serving, never, task) for task in TASKS}
    return Played(name, retrains, retrains * _minutes_of_a_retrain(weeks, serving), by_week, gains, serving)


def _by_week(weeks: Weeks, serving: Serving, task: Task) -> dict[int, float]:
    return {fold: float(weeks.values(ranker, fold, task).mean()) for fold, ranker in serving.items()}


def _gain(weeks: Weeks, serving: Serving, other: Serving, task: Task) -> tuple[float, float, float]:
    """Mean difference over users and weeks, with its 95 % interval: users are drawn with all of their weeks."""
    parts = [weeks.values(serving[fold], fold, task) - weeks.values(other[fold], fold, task) for fold in serving]
    found = pd.concat(parts).groupby(level=0).agg(["sum", "size"])
    per_user = found["sum"].to_numpy(np.float64) / found["size"].mean()
    of = bootstrap(per_user[:, None], DRAWS, SEED)
    return float(of.mean[0]), float(of.low[0]), float(of.high[0])


def _minutes_of_a_retrain(weeks: Weeks, serving: Serving) -> float:
    """Of one processor: features, candidates and frames of its folds, which a retrain makes anew, and the learning."""
    folds = np.mean([weeks.seconds_of_fold(fold) for fold in serving])
    learning = np.mean([weeks.learn(ranker) for ranker in weeks.rankers if ranker in serving])
    return float(folds * (TRAIN + 2) + learning) / 60


def main() -> None:
    given = _parse()
    console = Console()
    params = load_params(given.params)
    weeks = Weeks(Valid.read(given.valid), params, given.cache, console.print)
    last = min(given.last, LABELLED - 1)
    looks = Looks(weeks, console.print)
    policies: Mapping[str, Callable[[], Serving]] = {
        NEVER: lambda: dict.fromkeys(range(FIRST, last + 1), FIRST),
        MONTHLY: lambda: every(4, last),
        WEEKLY: lambda: every(1, last),
        DRIFT: lambda: on_drift(looks, last),
    }
    found = [played(weeks, name, serving()) for name, serving in policies.items()]
    for name, step in ((f"{MONTHLY}, behind the gate", 4), (f"{WEEKLY}, behind the gate", 1)):
        found.append(played(weeks, name, behind_the_gate(weeks, step, last), learned=(last - FIRST) // step))
    alarms = [*looks.alarms(last), looks.any_alarm(last)]
    serving = {of.name: dict(of.serving) for of in found}
    pairs: list[tuple[str, str, Task]] = [(one, other, task) for one, other in COMPARED for task in TASKS]
    between: list[tuple[str, str, Task, tuple[float, float, float]]] = [
        (one, other, task, _gain(weeks, serving[one], serving[other], task)) for one, other, task in pairs
    ]
    cutoffs = [weeks.folds[fold].cutoff.date() for fold in range(LABELLED)]
    replay = Replay(cutoffs, found, between, alarms)
    write_page(replay, given.out)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.replay", description=__doc__)
    parser.add_argument("--valid", type=Path, default=Path("data/valid"), help="valid tables of a finished run")
    parser.add_argument("--params", type=Path, default=Path("params.yaml"))
    parser.add_argument("--cache", type=Path, default=Path("var/replay"), help="where weeks are kept, 6 GB of them")
    parser.add_argument("--last", type=int, default=LABELLED - 1, help="last fold that is played, for a quick look")
    parser.add_argument("--out", type=Path, default=Path("docs/monitoring.md"), help="page whose part is written anew")
    return parser.parse_args()


if __name__ == "__main__":
    main()
