"""A look at fresh data and at what the champion does with it, as plain functions; `flows.monitor` makes Prefect tasks
of them. Nothing is learned, and nothing of the registry is changed."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from flows.champion import Champion
from flows.events import DRIFT_DETECTED, emit
from flows.lineage.registered import learned_passport
from flows.monitoring.history import FILE, History
from flows.monitoring.monitored import Scene
from flows.refreshing import STAGES
from flows.settings import Settings
from flows.steps import VALID
from tasks.ingestion.storage import replace_file
from tasks.monitoring.found import Found
from tasks.monitoring.look import Look, digest_of
from tasks.monitoring.page import render_page
from tasks.params import Params
from tasks.params.monitoring import MonitoringParams
from tasks.versioning import StageRun, hashes
from tasks.versioning.process import OnLine

if TYPE_CHECKING:
    from tasks.registry.registry import Registry

PAGE = "monitoring.html"


@dataclass(frozen=True)
class Outcome:
    """How a look ended."""

    look: Look
    is_new: bool
    """False: the same ranker and the same data were looked at before."""
    told: tuple[str, ...]
    """Measures whose breach was told by an event just now."""
    page: Path
    runs: tuple[StageRun, ...]


def history_of(settings: Settings) -> History:
    return History(settings.var / FILE)


def find_learned(registry: "Registry", champion: Champion) -> Champion:
    """The version as which the champion's ranker was learned; code and params are the same.

    A nightly refresh makes new versions of one ranker, and drift is what happened since that was learned.
    """
    passport = learned_passport(registry, champion.passport)
    return Champion(registry.version(passport.version), passport)


def known_digest(settings: Settings, learned: Champion, params: MonitoringParams) -> str:
    return digest_of(learned.version.number, hashes(settings.root, STAGES)[VALID], params)


def take_look(
    settings: Settings, registry: "Registry", champion: Champion, learned: Champion, params: Params, on_line: OnLine
) -> Look:
    """Measures all. What cannot be measured is not judged, and says why; raises TransientError where it may pass."""
    with tempfile.TemporaryDirectory(dir=settings.var, prefix="monitor-") as folder:
        scene = Scene(settings, registry, learned, params, Path(folder), on_line)
        newest, _ = scene.folds
        found = (*scene.quality(), *scene.data(), *scene.features(), *scene.predictions())
    numbers = champion.version.number, learned.version.number
    return Look(*numbers, learned.as_of, newest.cutoff, newest.end, found)


def tell(settings: Settings, digest: str, look: Look) -> tuple[str, ...]:
    """Emits one event for the breaches of this ranker that were not told within the last horizon of data.

    One that lasts is told again once all of the week is new. A run that is killed in between tells it again, as the
    event of the same number.
    """
    history = history_of(settings)
    before = history.told(look.learned, look.start)
    untold = [of for of in look.breaches if of.measure not in before]
    if untold:
        names = tuple(of.measure for of in untold)
        number = uuid5(NAMESPACE_URL, f"{DRIFT_DETECTED}/{digest}/{'/'.join(names)}")
        if not emit(DRIFT_DETECTED, settings.root, payload_of(look, untold), number):
            return ()  # told by the next look that has somebody to tell
        history.mark_told(digest, names)
    return tuple(of.measure for of in untold)


def payload_of(look: Look, told: list[Found]) -> dict[str, Any]:
    numbers = ("measure", "group", "value", "bound", "usual", "low", "high", "says")
    return {
        "version": look.champion,
        "learned": look.learned,
        "week": {"start": look.start.isoformat(), "end": look.end.isoformat()},
        "breaches": [{name: getattr(of, name) for name in numbers} for of in told],
    }


def draw_page(settings: Settings) -> Path:
    page = settings.reports / PAGE
    settings.reports.mkdir(exist_ok=True)
    replace_file(page, render_page(history_of(settings).looks()).encode())
    return page
