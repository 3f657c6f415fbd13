"""Refresh: what serves, with all that it knows as of the end of newer data, and the ranker as it is.

A fraction of a retrain: of dvc.yaml only the validation runs, features and retrievers are computed for the fold that
serves and the newest horizon, and nothing is learned.
"""

import tempfile
from pathlib import Path

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.runtime import flow_run

from flows import steps
from flows.champion import fetch_champion, find_champion
from flows.events import tell_promoted
from flows.one_at_a_time import only_retrain
from flows.parameters import Reason, WaitMinutes
from flows.refreshing import STAGES, Outcome, is_newer, promote_refreshed, register_refreshed
from flows.retrain import run_stage, say, seen, step
from flows.sanity import judge_refreshed
from flows.settings import Settings, apply_settings
from tasks.params import load_params
from tasks.versioning import StageRun, prepare, push


@flow(name="refresh", flow_run_name="refresh: {reason}", validate_parameters=True)
def refresh(root: Path = Path(), reason: Reason = "asked for", wait_minutes: WaitMinutes = 0) -> Outcome:
    """Refreshes what serves in the project in `root`.

    Raises DataContractError, with everything that is wrong, where the data breaks its contract; the registry and the
    last good data are then as they were. Whatever goes wrong, what serves goes on serving.
    """
    settings = apply_settings(root)
    with only_retrain(settings.var, f"refresh: {reason}", wait_minutes):
        outcome = _refresh(settings, flow_run.get_name() or "a refresh")
    told = outcome.verdict.table() if outcome.verdict else ""
    create_markdown_artifact(f"{outcome_in_words(outcome)}\n\n{told}", key="refresh-summary")
    return outcome


def outcome_in_words(outcome: Outcome) -> str:
    if outcome.version is None:
        return f"Nothing new: version {outcome.champion} serves, and its state is of this very data."
    version, before = outcome.version, "" if outcome.verdict else " Decided before, on the same data."
    told = f"Version {version.number}, a refresh of version {outcome.champion}: {version.stage}."
    return f"{told}{before} {version.reason}"


def _refresh(settings: Settings, who: str) -> Outcome:
    root, params = settings.root, load_params(settings.root / "params.yaml")
    prepare(root)
    registry = step("registry", steps.open_registry)(settings)
    champion = step("champion", find_champion)(settings, registry, params, who)
    runs: list[StageRun] = [seen(step("fetch", steps.fetch)(root, say))]
    runs += [seen(run_stage(settings, stage)) for stage in STAGES]
    if not is_newer(settings, champion):
        return Outcome(champion.version.number, None, None, tuple(runs))
    step("push", push)(root, say, STAGES)  # what is registered must be safe in its remote first
    with tempfile.TemporaryDirectory(dir=settings.var, prefix="refresh-") as folder:
        scratch = Path(folder)
        shipped = step("download", fetch_champion)(registry, champion, scratch)
        version, _ = step("state", register_refreshed)(settings, registry, champion, shipped, scratch, say)
        verdict = step("judge", judge_refreshed)(settings, registry, params, champion, shipped, version, scratch, say)
        if verdict is not None:
            version = step("promote", promote_refreshed)(settings, registry, champion, shipped, version, verdict, who)
            if version.stage == "production":
                say(tell_promoted(root, version.number, who, version.reason))
    return Outcome(champion.version.number, version, verdict, tuple(runs))
