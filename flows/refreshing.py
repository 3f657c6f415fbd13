"""A newer state for the ranker that serves, as plain functions; `flows.refresh` makes Prefect tasks of them.

The champion's own code and params make the state, in a process of its own.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.champion import Champion
from flows.describing import change_since
from flows.duel import PARAMS, Shipped, rebuild
from flows.lineage.passport import Made, issue_passport
from flows.lineage.recipe import recipe_files
from flows.promoting import digest_of
from flows.settings import Settings
from flows.steps import RANKER, VALID, datasets, open_stages
from tasks.folds import labels
from tasks.ingestion.valid import read_events
from tasks.promotion.verdict import Decision, Verdict
from tasks.registry import Retrained, Stage, Version
from tasks.registry.lines import REFRESH_OF
from tasks.schema import EVENT_TYPE, ITEM, TIMESTAMP, USER
from tasks.versioning import StageRun, hashes, inputs, lock_of
from tasks.versioning.process import OnLine

if TYPE_CHECKING:
    from tasks.registry.registry import Registry

NEWEST = "newest"
"""In the scratch folder: the bundle as of the newest horizon's first instant, where it has been made."""
STAGES = ("validate",)
"""Of dvc.yaml: what makes new raw data valid data."""
LEADS_TO: dict[Decision, Stage] = {"promote": "production", "hold": "archived", "reject": "rejected"}


@dataclass(frozen=True)
class Outcome:
    """How a refresh ended."""

    champion: int
    """The version that served before."""
    version: Version | None
    """The refreshed one; None: the data has nothing that the champion does not know."""
    verdict: Verdict | None
    """None: nothing had to be decided."""
    runs: tuple[StageRun, ...]

    @property
    def is_fresh(self) -> bool:
        """Whether what serves now knows all of the data."""
        return self.version is None or self.version.stage == "production"


def is_newer(settings: Settings, champion: Champion) -> bool:
    """Whether the valid data is other than that of the champion's state."""
    return hashes(settings.root, STAGES)[VALID] != champion.passport.outputs.get(VALID)


def register_refreshed(
    settings: Settings, registry: "Registry", champion: Champion, shipped: Shipped, scratch: Path, on_line: OnLine
) -> tuple[Version, bool]:
    """The champion with its state as of the end of the data, as a version, and whether it is new.

    A ranker is given the same data once; what a killed run registered is a candidate still.
    """
    recipe = _recipe_digest(settings.root, champion)
    known = registry.version_of(recipe)
    if known is not None:
        return known, False
    folder, events = settings.root / VALID, read_events(settings.root / VALID, (USER, ITEM, EVENT_TYPE, TIMESTAMP))
    served = Path(tempfile.mkdtemp(dir=scratch, prefix="state-")) / "recommender"
    newest, serve = champion.folds(events)
    states = {served: serve}
    shutil.rmtree(scratch / NEWEST, ignore_errors=True)  # of a try before
    if not labels(events, newest, champion.shop, "all").empty:
        states[scratch / NEWEST] = newest  # to judge by: half as much work as by itself
    rebuild(shipped, folder, states, on_line)
    users = events[USER].drop_duplicates().head(3).tolist()
    return registry.log(_left(settings, champion, shipped, recipe, served, users)), True


def promote_refreshed(
    settings: Settings,
    registry: "Registry",
    champion: Champion,
    shipped: Shipped,
    version: Version,
    verdict: Verdict,
    who: str,
) -> Version:
    """Moves the version where its verdict sends it; none waits for a person, for its ranker serves already."""
    _describe(settings, registry, champion.version.number, version, verdict)
    made = _made(settings, registry, champion, shipped, version)
    digest, number = digest_of(verdict), champion.version.number
    evidence = {
        "decision": verdict.decision,
        REFRESH_OF: number,
        "verdict_sha256": digest,
        "passport_sha256": issue_passport(settings, registry, version, made, verdict, number, digest),
    }
    to = LEADS_TO[verdict.decision]
    return open_stages(settings, registry).move(
        version.number, to, verdict.reason, who, evidence, expected_champion=number
    )


def kept(model: Mapping[str, str]) -> dict[str, str]:
    """What a refresh leaves as it is: SHA-256 of each file of ranker and code, by its path in the model."""
    return {path: digest for path, digest in model.items() if path.startswith("code/") or "/ranker/" in path}


def _recipe_digest(root: Path, champion: Champion) -> str:
    """Of all that makes a difference to a refreshed version; not of the champion's own state."""
    told = {
        "ranker and code": kept(champion.passport.model),
        "params": champion.passport.recipe[PARAMS],
        "valid": hashes(root, STAGES)[VALID],
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _left(
    settings: Settings, champion: Champion, shipped: Shipped, recipe: str, served: Path, users: Sequence[Any]
) -> Retrained:
    root, reports, params = settings.root, settings.reports, champion.passport.params
    return Retrained(
        recipe=recipe,
        params=params,
        metrics={},
        datasets=datasets(hashes(root, STAGES)),
        files={
            "": [reports / "data_quality.html"],
            "evaluation": [reports / "data_quality.json"],
            **_recipe(root, shipped),
        },
        bundle=served,
        package=shipped.code / "tasks",
        example_users=users,
        description=f"Version {champion.version.number} with newer state; not judged yet.",
        tags={"source": params["source"]["adapter"]},
    )


def _made(settings: Settings, registry: "Registry", champion: Champion, shipped: Shipped, version: Version) -> Made:
    """The champion's params and pipeline, and today's data; all that made the ranker is in the champion's passport."""
    from tasks.registry.passports import logged_values

    root, before = settings.root, champion.passport
    ranker = {RANKER: before.outputs[RANKER]} if RANKER in before.outputs else {}
    outputs = hashes(root, STAGES)
    return Made(
        kind="refresh",
        params=before.params,
        recipe=_recipe(root, shipped),
        inputs=inputs(root, STAGES) | {VALID: outputs[VALID]} | ranker,
        outputs=outputs | ranker,
        folds=champion.folds(read_events(root / VALID, (EVENT_TYPE, TIMESTAMP))),
        metrics=before.metrics,
        newest=logged_values(registry, version.run_id)[1],
    )


def _recipe(root: Path, shipped: Shipped) -> dict[str, list[Path]]:
    """With a lock of the stages that a refresh runs: what else stands in the project's is of its last retrain."""
    instead = shipped.params.parent
    (instead / "dvc.lock").write_text(lock_of(root, STAGES), encoding="utf-8")
    return recipe_files(root, instead)


def _describe(settings: Settings, registry: "Registry", champion: int, version: Version, verdict: Verdict) -> None:
    from tasks.registry.artifacts import describe

    done = {"promote": "promoted", "hold": "held", "reject": "rejected"}[verdict.decision]
    change = change_since(settings, registry, champion)
    parts = [f"**Refresh of version {champion}: {done}.** {verdict.reason}.", verdict.table()]
    if change is not None:
        more = change.challenger.events - change.champion.events
        newest = change.challenger.newest[: len("2024-03-04T09:00")].replace("T", " ")
        parts.append(f"{more:+,} events since version {champion}; the newest is of {newest} UTC.")
    told = "\n\n".join(parts)
    describe(registry, version.number, version.run_id, told, told)
