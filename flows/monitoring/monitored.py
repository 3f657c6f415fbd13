"""All that one look reads, and what it finds there, a part each; what cannot be told says why."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from flows.champion import Champion, fetch_champion
from flows.duel import Shipped, lists_of, rebuild
from flows.lineage.registered import LISTS
from flows.monitoring.features import feature_tables
from flows.settings import Settings
from flows.steps import VALID
from tasks.errors import ShoprecError, TransientError
from tasks.evaluation.asked import Asked, users_of, who_is_asked
from tasks.folds import Fold
from tasks.ingestion.valid import Valid
from tasks.monitoring.behaviour import Behaviour
from tasks.monitoring.data import look_at_data
from tasks.monitoring.features import LARGEST, MEAN, distances, look_at_features
from tasks.monitoring.found import Found, not_judged
from tasks.monitoring.predictions import CATEGORIES, DEPTH, POPULARITY, look_at_predictions
from tasks.monitoring.quality import look_at_quality
from tasks.params import Params
from tasks.schema import USER, Task
from tasks.versioning.process import OnLine

if TYPE_CHECKING:
    from tasks.registry.registry import Registry

_EVALUATION = "evaluation/evaluation.json"
"""Among the artifacts of a run."""


@dataclass(frozen=True)
class Scene:
    """Everything that one look reads, each part once."""

    settings: Settings
    registry: "Registry"
    learned: Champion
    params: Params
    folder: Path
    on_line: OnLine

    @cached_property
    def valid(self) -> Valid:
        return Valid.read(self.settings.root / VALID)

    @cached_property
    def folds(self) -> tuple[Fold, Fold]:
        """The newest whole horizon, and the one to serve."""
        return self.learned.folds(self.valid.events)

    @cached_property
    def behaviour(self) -> Behaviour:
        return Behaviour.of(self.valid, self.learned.shop)

    @cached_property
    def shipped(self) -> Shipped:
        return fetch_champion(self.registry, self.learned, self.folder)

    @cached_property
    def asked(self) -> Mapping[Task, Asked]:
        """Of those who came back in the newest horizon so many as an evaluation asks."""
        drawn = self.params.evaluation
        return who_is_asked(self.valid.events, self.folds[0], self.learned.shop, drawn.most_users, drawn.seed)

    @cached_property
    def lists(self) -> pd.DataFrame:
        """The champion's for those who are asked, as of the newest horizon's first instant.

        Raises ShoprecError where it has learned from that horizon, where nobody came back, or where its code fails.
        """
        newest, _ = self.folds
        if newest.cutoff < self._tested.cutoff:
            raise ShoprecError("the data ends before the horizon that the ranker was measured on does")
        users = pd.DataFrame({USER: users_of(self.asked)})
        if users.empty:
            raise ShoprecError("nobody who was known came back in the newest horizon")
        bundled = self.folder / "newest"
        rebuild(self.shipped, self.settings.root / VALID, {bundled: newest}, self.on_line)
        depth = max(DEPTH, int(self.params.promotion.metric.partition("@")[2]))
        return lists_of(self.shipped.code, bundled, users, depth, self._scratch("lists"), self.on_line)

    def data(self) -> tuple[Found, ...]:
        newest, _ = self.folds
        known, monitoring = self.learned.as_of, self.params.monitoring
        return look_at_data(self.behaviour, newest.end, known, newest.horizon, monitoring)

    def features(self) -> tuple[Found, ...]:
        monitoring, valid = self.params.monitoring, self.settings.root / VALID
        try:
            now, past = feature_tables(
                self.shipped,
                valid,
                self.learned,
                self.valid.events,
                monitoring,
                self._scratch("features"),
                self.on_line,
            )
            return look_at_features(distances(now), [distances(pair) for pair in past], self._gains(), monitoring)
        except TransientError:
            raise
        except ShoprecError as error:
            return not_judged(MEAN, "features", str(error)), not_judged(LARGEST, "features", str(error))

    def predictions(self) -> tuple[Found, ...]:
        newest, _ = self.folds
        try:
            now, before = self.lists, pd.read_parquet(self._logged(f"evaluation/{LISTS}"))
        except TransientError:
            raise
        except ShoprecError as error:
            return tuple(not_judged(name, "predictions", str(error)) for name in (CATEGORIES, POPULARITY))
        bought = {"now": self._before(newest.cutoff), "before": self._before(self._tested.cutoff)}
        now, before = (of[of["task"] == "all"] for of in (now, before))
        return look_at_predictions(now, before, self.behaviour, bought, self.params.monitoring.predictions)

    def quality(self) -> tuple[Found, ...]:
        params, (newest, _) = self.params, self.folds
        metric, promised = params.promotion.metric, self.learned.passport.metrics
        try:
            return look_at_quality(
                self.lists,
                self.valid,
                newest,
                self.asked,
                metric,
                promised,
                params.monitoring.quality,
                params.evaluation,
            )
        except TransientError:
            raise
        except ShoprecError as error:
            return (not_judged(metric, "quality", str(error)),)

    @cached_property
    def _tested(self) -> Fold:
        """The fold that the ranker was measured on; what it learned from ends before."""
        cut = next(cut for cut in self.learned.passport.folds if cut.name == "test")
        return Fold("test", cut.cutoff, cut.end - cut.cutoff)

    def _gains(self) -> Mapping[str, float]:
        """Of all tasks: feature to its share of what its ranker's splits gained."""
        tasks = json.loads(self._logged(_EVALUATION).read_text(encoding="utf-8"))["tasks"]
        gains: dict[str, float] = {}
        for of in tasks.values():
            for row in of["importance"]:
                gains[row["feature"]] = gains.get(row["feature"], 0.0) + row["share"]
        return {name: gain for name, gain in gains.items() if gain > 0}

    def _before(self, cutoff: datetime) -> slice:
        days = self.params.monitoring.reference * self.folds[0].horizon
        return self.behaviour.between(cutoff - days, cutoff)

    def _logged(self, path: str) -> Path:
        from tasks.registry.artifacts import fetch_file  # takes seconds, so not before it is needed

        return fetch_file(self.registry, self.learned.version.run_id, path, self._scratch("logged"))

    def _scratch(self, name: str) -> Path:
        return Path(tempfile.mkdtemp(dir=self.folder, prefix=f"{name}-"))
