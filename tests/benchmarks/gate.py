"""How often the gate errs in a year of weekly retrains, and what gain it can see: simulated on real per-user values.

    python -m tests.benchmarks.gate --years 200 --out docs/promotion.md

Reads the per-user values of a finished run. Every gate is judged by `tasks.promotion.gate.judge` itself. For time, a
gate of equals is first judged with 500 draws, no slices, and a bound that errs thirty times as often; only where that
sees a gain, which is in some 4 % of gates, it is judged with the params of the project. So that hardly anything is lost
by that, the gate that came nearest among those refused is judged in full too, in every year.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from joblib import Parallel, delayed
from rich.console import Console

from tasks.params import load_params
from tasks.params.evaluation import Counts
from tasks.params.promotion import PromotionParams
from tasks.promotion.gate import judge
from tasks.promotion.verdict import Decision, Verdict
from tasks.stage import processes
from tests.benchmarks.gate_page import Power, Simulated, numbers, write_page
from tests.benchmarks.retrains import Effect, RealUsers, read_users, spread, week

T = TypeVar("T")
SEED = 11
RUN = 4
"""Weekly gates in a row."""
EFFECTS: Mapping[str, Effect] = {
    **{f"{gain:+.0%}": Effect({"all": gain, "new": gain}) for gain in (-0.1, -0.05, -0.02, -0.01)},
    **{f"{gain:+.0%}": Effect({"all": gain, "new": gain}) for gain in (0.01, 0.02, 0.05, 0.1)},
    "+5% on all purchases, -25% on new items": Effect({"all": 0.05, "new": -0.25}),
    "+5%, but -30% for 12% of users": Effect({"all": 0.05, "new": 0.05}, of_group=-0.3),
}


@dataclass(frozen=True)
class Year:
    """Of gates where the challenger is no better."""

    promoted: tuple[int, ...]
    """The gates that promoted all the same, the nearest among those refused at first included."""
    in_full: int
    """Gates that were judged with the project's params."""
    nearest_was_promoted: bool
    """Whether the project's params promote the gate that came nearest among those refused at first."""


def equal_year(users: RealUsers, params: PromotionParams, number: int) -> Year:
    """`gates` weeks of one champion against challengers that differ from it by noise alone."""
    rng = np.random.default_rng([SEED, number])
    promoted: list[int] = []
    in_full, nearest, refused = 0, -np.inf, None
    for gate in range(1, params.gates + 1):
        found = week(users, Effect(), gate, rng)
        quick = judge(found, _easier(params))
        if any(check.kind == "gain" and check.passed for check in quick.checks):
            in_full += 1
            promoted += [gate] if judge(found, params).decision == "promote" else []
        elif _nearness(quick) > nearest:
            nearest, refused = _nearness(quick), (gate, found)
    missed = [refused[0]] if refused is not None and judge(refused[1], params).decision == "promote" else []
    return Year(tuple(sorted(promoted + missed)), in_full, bool(missed))


def decisions(users: RealUsers, effect: Effect, params: PromotionParams, number: int) -> list[Decision]:
    """Of a run of weekly gates on a challenger of that effect."""
    rng = np.random.default_rng([SEED + 1, number])
    return [judge(week(users, effect, gate, rng), params).decision for gate in range(1, RUN + 1)]


def main() -> None:
    arguments = _parse()
    params = load_params(arguments.params).promotion
    users, begun = read_users(arguments.per_user), time.monotonic()
    years = _side_by_side(partial(equal_year, users, params), arguments.years)
    powers = [_power(name, effect, users, params, arguments.runs) for name, effect in EFFECTS.items()]
    found = Simulated(
        day=datetime.now(UTC).date(),
        minutes=(time.monotonic() - begun) / 60,
        params=params,
        users={task: len(of) for task, of in users.items()},
        spread=spread(users, np.random.default_rng(SEED)),
        first_promotions=[year.promoted[0] if year.promoted else None for year in years],
        promoted_gates=sum(len(year.promoted) for year in years),
        in_full=sum(year.in_full for year in years),
        found_among_nearest=sum(year.nearest_was_promoted for year in years),
        powers=powers,
    )
    Console().print(numbers(found), markup=False, highlight=False)
    if arguments.out:
        write_page(found, arguments.out)


def _power(name: str, effect: Effect, users: RealUsers, params: PromotionParams, runs: int) -> Power:
    found = _side_by_side(partial(decisions, users, effect, params), runs)
    one = Counter(decision for run in found for decision in run)
    gates = runs * RUN
    return Power(
        name=name,
        gates=gates,
        promoted=one["promote"] / gates,
        held=one["hold"] / gates,
        rejected=one["reject"] / gates,
        promoted_in_run=sum("promote" in run for run in found) / runs,
        rejected_in_run=sum("reject" in run for run in found) / runs,
    )


def _side_by_side(of_number: Callable[[int], T], times: int) -> list[T]:
    found: Any = Parallel(n_jobs=processes())(delayed(of_number)(number) for number in range(times))
    return found


def _easier(params: PromotionParams) -> PromotionParams:
    """Sees every gain that the project's params can see, and others."""
    nobody = params.slices.model_copy(update={"min_users": Counts(all=10**9, new=10**9)})
    alpha = 1 - (1 - 0.06) ** params.gates  # 3 % a task
    return params.model_copy(update={"alpha": alpha, "draws": 500, "slices": nobody, "cold": nobody})


def _nearness(verdict: Verdict) -> float:
    """How many lengths of its interval's lower half the best gain is above zero."""
    gains = [check for check in verdict.checks if check.kind == "gain"]
    return max((c.value or 0.0) / max((c.value or 0.0) - (c.low or 0.0), 1e-12) for c in gains)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.gate", description=__doc__)
    parser.add_argument("--years", type=int, default=200, help="years of gates where no challenger is better")
    parser.add_argument("--runs", type=int, default=25, help="runs of four gates for each planted effect")
    parser.add_argument("--per-user", type=Path, default=Path("reports/per_user.parquet"), help="of a finished run")
    parser.add_argument("--params", type=Path, default=Path("params.yaml"))
    parser.add_argument("--out", type=Path, help="page whose simulated part is written anew, such as docs/promotion.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()
