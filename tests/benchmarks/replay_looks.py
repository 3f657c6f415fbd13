"""What `tasks.monitoring` says of each week of the replay, about each ranker."""

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import numpy as np

from tasks.evaluation.headline import TASK_NAMES
from tasks.evaluation.intervals import bootstrap
from tasks.monitoring.band import Distance
from tasks.monitoring.behaviour import Behaviour, Span
from tasks.monitoring.data import Distances, look_at_data, measured
from tasks.monitoring.features import Distances as Moved
from tasks.monitoring.features import Tables, distances, look_at_features
from tasks.monitoring.found import Found, breaches
from tasks.monitoring.predictions import look_at_predictions
from tasks.monitoring.quality import judge_quality
from tasks.params.monitoring import MonitoringParams
from tasks.reranking.ranker import Ranker
from tasks.schema import TASKS
from tests.benchmarks.replay_weeks import FIRST, LABELLED, Say, Weeks


@dataclass
class Looks:
    weeks: Weeks
    say: Say
    _taken: dict[tuple[int, int], tuple[Found, ...]] = field(default_factory=dict)

    def breaches(self, ranker: int, fold: int) -> tuple[Found, ...]:
        """At the end of the fold, of that ranker; the first week that a ranker serves is looked at too."""
        found = breaches(self.look(ranker, fold))
        if found:
            self.say(f"fold {fold}, ranker {ranker}: {', '.join(of.measure for of in found)}")
        return found

    def look(self, ranker: int, fold: int) -> tuple[Found, ...]:
        if (ranker, fold) not in self._taken:
            parts = self._data(ranker, fold), self._features(ranker, fold), self._predictions(ranker, fold)
            self._taken[ranker, fold] = tuple(of for part in (*parts, self._quality(ranker, fold)) for of in part)
        return self._taken[ranker, fold]

    def alarms(self, last: int) -> list[tuple[str, int, int]]:
        """Of each measure, how often it would have alarmed and was judged, in a week right after its ranker's data:
        false alarms, for nothing is known to have happened in this year."""
        judged, alarmed = Counter[str](), Counter[str]()
        for fold in range(FIRST, last + 1):
            for of in self.look(fold, fold):
                judged[of.measure] += of.status != "not judged"
                alarmed[of.measure] += of.is_breach
        return [(measure, alarmed[measure], judged[measure]) for measure in judged]

    def any_alarm(self, last: int) -> tuple[str, int, int]:
        """The same of all measures together."""
        weeks = range(FIRST, last + 1)
        return "any of them", sum(any(of.is_breach for of in self.look(fold, fold)) for fold in weeks), len(weeks)

    @cached_property
    def _behaviour(self) -> Behaviour:
        return Behaviour.of(self.weeks.valid, self.weeks.params.shop)

    def _data(self, ranker: int, fold: int) -> tuple[Found, ...]:
        of, known = self.weeks.folds[fold], self.weeks.folds[ranker].cutoff
        return look_at_data(
            self._behaviour, of.end, known, of.horizon, self.weeks.params.monitoring, self._once_measured
        )

    def _once_measured(self, behaviour: Behaviour, of: Span, params: MonitoringParams) -> Distances:
        kept = self.weeks.cache / "looks" / f"data-{of.week.start}-{of.reference.start}.json"
        if not kept.exists():
            found = {name: d and vars(d) for name, d in measured(behaviour, of, params).items()}
            kept.parent.mkdir(exist_ok=True)
            kept.write_text(json.dumps(found), encoding="utf-8")
        return {name: d and Distance(**d) for name, d in json.loads(kept.read_text(encoding="utf-8")).items()}

    def _features(self, ranker: int, fold: int) -> tuple[Found, ...]:
        """After the last fold there are no tables."""
        if fold + 1 >= LABELLED:
            return ()
        params = self.weeks.params.monitoring
        apart = min(fold + 1 - ranker, params.feature_past)
        pairs = [(n, n - apart) for n in range(ranker, ranker - params.feature_past, -1) if n - apart >= 0]
        importance = Ranker.load(self.weeks.cache / f"ranker-{ranker}").importance()
        gains = {str(name): float(gain) for name, gain in importance.groupby("feature")["gain"].sum().items()}
        moved = self._moved(fold + 1, ranker)
        return look_at_features(moved, [self._moved(*pair) for pair in pairs], gains, params)

    def _moved(self, now: int, before: int) -> Moved:
        kept = self.weeks.cache / "looks" / f"features-{now}-{before}.json"
        if not kept.exists():
            found = distances(Tables(self.weeks.features(now), self.weeks.features(before)))
            kept.parent.mkdir(exist_ok=True)
            kept.write_text(json.dumps(found), encoding="utf-8")
        return json.loads(kept.read_text(encoding="utf-8"))

    def _predictions(self, ranker: int, fold: int) -> tuple[Found, ...]:
        folds, params = {"now": fold, "before": ranker - 1}, self.weeks.params.monitoring
        lists = {side: self.weeks.lists(ranker, number) for side, number in folds.items()}
        lists = {side: of[of["task"] == "all"] for side, of in lists.items()}
        known = {side: self._before(self.weeks.folds[n].cutoff) for side, n in folds.items()}
        return look_at_predictions(lists["now"], lists["before"], self._behaviour, known, params.predictions)

    def _before(self, cutoff: datetime) -> slice:
        days = self.weeks.params.monitoring.reference * self.weeks.folds[0].horizon
        return self._behaviour.between(cutoff - days, cutoff)

    def _quality(self, ranker: int, fold: int) -> tuple[Found, ...]:
        found, drawn = [], self.weeks.params.evaluation
        for task in TASKS:
            values = self.weeks.values(ranker, fold, task).to_numpy(np.float64)
            promise = float(self.weeks.values(ranker, ranker - 1, task).mean())
            of = bootstrap(values[:, None], drawn.draws, drawn.seed)
            mean, low, high = (float(ends[0]) for ends in (of.mean, of.low, of.high))
            margin = self.weeks.params.monitoring.quality.of(task)
            found.append(judge_quality(f"NDCG@10 on {TASK_NAMES[task]}", mean, low, high, promise, margin, ""))
        return tuple(found)
