"""A look at a refreshed version as it will serve, and at its ranker on the newest horizon, for the verdict on it."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from numpy.typing import NDArray

from flows.champion import Champion
from flows.duel import Shipped, lists_of, rebuild
from flows.promoting import tell_verdict
from flows.refreshing import NEWEST, kept
from flows.settings import Settings
from flows.steps import VALID, read_json
from tasks.candidates.history import History
from tasks.evaluation.asked import users_of, who_is_asked
from tasks.ingestion.valid import Valid
from tasks.params import Params
from tasks.params.promotion import PromotionParams
from tasks.promotion.newest import Newest, measure_newest
from tasks.promotion.refreshed import Refreshed, judge_refresh
from tasks.promotion.sample import LENGTH, USERS, Sample, look_at, some_of
from tasks.promotion.verdict import Verdict
from tasks.registry import Version
from tasks.schema import ITEM, RANK, USER, Task
from tasks.versioning.process import OnLine

if TYPE_CHECKING:
    from tasks.registry.registry import Registry


def judge_refreshed(
    settings: Settings,
    registry: "Registry",
    params: Params,
    champion: Champion,
    shipped: Shipped,
    version: Version,
    scratch: Path,
    on_line: OnLine,
) -> Verdict | None:
    """None where it was decided before. The verdict, and what was measured, are with the version's run then."""
    from tasks.registry.artifacts import add_metrics
    from tasks.registry.passports import model_digests

    if version.stage != "candidate":
        return None
    look = _Look(settings, champion, Path(tempfile.mkdtemp(dir=scratch, prefix="judged-")), on_line)
    valid = Valid.read(settings.root / VALID)
    newest = look.newest(valid, shipped, scratch / NEWEST, params.promotion)
    found = Refreshed(
        champion=champion.version.number,
        differing=_differing(kept(champion.passport.model), kept(model_digests(registry, version.number))),
        accepted=read_json(settings.reports / "data_quality.json")["verdict"] == "accepted",
        as_of=champion.folds(valid.events)[1].cutoff,
        champion_as_of=champion.as_of,
        sample=look.sample(valid, registry, version, params.promotion.seed),
        newest=newest,
    )
    verdict = judge_refresh(found, params.promotion)
    add_metrics(registry, version.run_id, {task: {params.promotion.metric: of.now} for task, of in newest.items()})
    tell_verdict(settings, registry, version, verdict, f"A refresh of version {found.champion}, which serves.\n\n")
    return verdict


def _differing(theirs: dict[str, str], ours: dict[str, str]) -> tuple[str, ...]:
    return tuple(sorted(path for path in theirs.keys() | ours.keys() if theirs.get(path) != ours.get(path)))


@dataclass(frozen=True)
class _Look:
    settings: Settings
    champion: Champion
    folder: Path
    on_line: OnLine

    def newest(self, valid: Valid, shipped: Shipped, bundled: Path, params: PromotionParams) -> dict[Task, Newest]:
        """`bundled` is used where it was made. Nobody who came back in that horizon, nobody to ask."""
        fold, shop, metric = self.champion.folds(valid.events)[0], self.champion.shop, params.metric
        asked = who_is_asked(valid.events, fold, shop, params.refresh.users, params.seed)
        lists, users = pd.DataFrame(columns=["task", USER, ITEM, RANK]), users_of(asked)
        if len(users):
            if not bundled.is_dir():
                bundled = self.folder / "newest"
                rebuild(shipped, self.settings.root / VALID, {bundled: fold}, self.on_line)
            lists = self._ask(shipped.code, bundled, users, int(metric.partition("@")[2]))
        return measure_newest(lists, asked, valid, fold, shop, metric, self.champion.passport.metrics)

    def sample(self, valid: Valid, registry: "Registry", version: Version, seed: int) -> Sample:
        from tasks.registry.artifacts import fetch_model

        model = fetch_model(registry, version.number, self.folder / "model")
        cutoff = self.champion.folds(valid.events)[1].cutoff
        history = History.as_of(valid.events, cutoff, self.champion.candidates, self.champion.shop)
        users = some_of(history.users, USERS, seed)
        return look_at(self._ask(model.code, model.bundle, users, LENGTH), users, history)

    def _ask(self, code: Path, bundled: Path, users: NDArray[Any], k: int) -> pd.DataFrame:
        folder = Path(tempfile.mkdtemp(dir=self.folder, prefix="lists-"))
        return lists_of(code, bundled, pd.DataFrame({USER: users}), k, folder, self.on_line)
