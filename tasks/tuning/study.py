"""A study of Optuna's: trials of settings, each kept in a SQLite file as it ends, so that the search can go on."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import optuna
from optuna.importance import get_param_importances
from optuna.pruners import PercentilePruner
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import DBAPIError

from tasks.errors import ShoprecError
from tasks.params.ranker import BoosterParams
from tasks.tuning.judging import Judge
from tasks.tuning.space import Settings, Space, with_settings
from tasks.tuning.weeks import Week

_WEEKS, _PRESENT, _FIXED = "weeks", "present", "fixed_params"
_KEPT_PERCENT, _NEVER_PRUNED = 66.0, 8
"""A trial that is among the worst third after its first week is given up; not so the first trials."""
_ENDED = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}


@dataclass(frozen=True)
class Tried:
    """A trial that has ended."""

    number: int
    """From 0."""
    state: Literal["complete", "pruned", "failed"]
    """pruned: given up after its first week; failed: killed, or stopped by a fault."""
    settings: Settings
    """None of them where it failed before it had any."""
    by_week: dict[str, float]
    """NDCG@10 of the weeks that it was judged on."""
    value: float | None
    """Their mean; None unless complete."""
    begun: datetime
    ended: datetime
    """Both in the machine's time, without a zone, as Optuna has them."""

    @property
    def seconds(self) -> float:
        return (self.ended - self.begun).total_seconds()


class Study:
    """Opens the study of that name in `file`, or makes it. No other process may be at it: see `flows/tuning.py`.

    What a killed process left running has failed. The present params wait to be tried, unless they were.
    """

    def __init__(self, file: Path, name: str, space: Space, present: BoosterParams) -> None:
        self.name, self.space, self._present = name, space, present
        optuna.logging.set_verbosity(optuna.logging.ERROR)  # it warns of Ctrl-C with a traceback
        logging.getLogger("alembic").setLevel(logging.WARNING)
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._study = optuna.create_study(
                storage=f"sqlite:///{file}",
                study_name=name,
                direction="maximize",
                pruner=PercentilePruner(_KEPT_PERCENT, n_startup_trials=_NEVER_PRUNED),
                load_if_exists=True,
            )
        except DBAPIError as error:
            raise ShoprecError(
                f"{file} cannot be used ({error.orig}): see that its disk can be written; where the file itself is"
                " broken, move it away, and the search begins anew"
            ) from error
        for left in self._study.get_trials(states=[TrialState.RUNNING]):
            self._study.tell(left.number, state=TrialState.FAIL)
        # From the same seed, a study that goes on would propose once more what it began with.
        self._study.sampler = TPESampler(seed=present.seed + len(self._study.trials))
        self._enqueue_present()

    def run(
        self,
        judge: Judge,
        weeks: Sequence[Week],
        trials: int,
        limit_s: float | None,
        on_trial: Callable[[Tried], None],
    ) -> None:
        """Until `trials` have ended, all runs together, or `limit_s` have passed: no trial is begun after that."""
        waiting = len(self._study.get_trials(deepcopy=False, states=[TrialState.WAITING]))
        left = max(trials - len([t for t in self.tried() if t.state != "failed"]), waiting)
        begun = time.monotonic()
        for _ in range(left):
            if limit_s is not None and time.monotonic() - begun >= limit_s:
                return
            on_trial(self._try(judge, weeks))

    def tried(self) -> list[Tried]:
        return [self._told(trial) for trial in self._study.trials if trial.state in _ENDED]

    def best(self) -> Tried:
        """The complete trial of the highest value, the first of equals. Raises ShoprecError where there is none."""
        complete = [trial for trial in self.tried() if trial.value is not None]
        if not complete:
            raise ShoprecError(f"study {self.name} has no complete trial yet: run again, with more minutes")
        return max(complete, key=lambda trial: (trial.value, -trial.number))

    def of_present(self) -> Tried | None:
        """The trial of the present params; None: not yet."""
        wanted = self.space.settings(self.space.proposal(self._present))
        return next((t for t in self.tried() if t.value is not None and t.settings == wanted), None)

    def importances(self) -> dict[str, float]:
        """Of each setting, its share in what moved the value (PED-ANOVA); empty with too few complete trials."""
        complete = [trial.value for trial in self.tried() if trial.value is not None]
        return get_param_importances(self._study) if len(set(complete)) > len(self.space.ranges) // 2 else {}

    def _try(self, judge: Judge, weeks: Sequence[Week]) -> Tried:
        """Not by Optuna's `optimize`: it makes an AssertionError of a Ctrl-C that comes while it keeps a trial."""
        trial = self._study.ask()
        try:
            ended = self._study.tell(trial, self._value(trial, judge, weeks))
        except optuna.TrialPruned:
            ended = self._study.tell(trial, state=TrialState.PRUNED)
        except BaseException:
            self._study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)
            raise
        return self._told(ended)

    def _value(self, trial: Trial, judge: Judge, weeks: Sequence[Week]) -> float:
        params = with_settings(self._present, self.space.suggested(trial))
        found: dict[str, float] = {}
        for step, week in enumerate(weeks):
            found[week.name] = float(judge.values(week, params).mean())
            trial.set_user_attr(_WEEKS, found)
            trial.report(_mean(found), step)
            if step + 1 < len(weeks) and not trial.user_attrs.get(_PRESENT) and trial.should_prune():
                raise optuna.TrialPruned
        return _mean(found)

    def _told(self, trial: FrozenTrial) -> Tried:
        begun = trial.datetime_start or trial.datetime_complete
        ended = trial.datetime_complete or begun
        assert begun is not None and ended is not None, "it has ended"
        return Tried(
            number=trial.number,
            state=_ENDED[trial.state],  # pyright: ignore[reportArgumentType]
            settings=self.space.settings(trial.params) if trial.params.keys() == self.space.ranges.keys() else {},
            by_week=trial.user_attrs.get(_WEEKS, {}),
            value=trial.value if trial.state is TrialState.COMPLETE else None,
            begun=begun,
            ended=ended,
        )

    def _enqueue_present(self) -> None:
        wanted = self.space.proposal(self._present)
        for trial in self._study.trials:
            if trial.state is not TrialState.FAIL and wanted in (trial.params, trial.system_attrs.get(_FIXED)):
                return
        self._study.enqueue_trial(wanted, user_attrs={_PRESENT: True})


def _mean(of_weeks: dict[str, float]) -> float:
    return sum(of_weeks.values()) / len(of_weeks)
