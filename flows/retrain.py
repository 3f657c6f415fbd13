"""The main job: from the shop's raw data to a judged, registered, versioned recommender.

Prefect owns what touches the outside world, and reads the order of the pure steps out of dvc.yaml; DVC owns those and
skips what has not changed. Every step is a task with its name.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.futures import wait
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from flows import steps, tables
from flows.events import tell_promoted
from flows.one_at_a_time import only_retrain
from flows.parameters import Reason, WaitMinutes
from flows.promoting import judge_version, promote
from flows.settings import Settings, apply_settings
from tasks.errors import BrokenCheckError, DataContractError
from tasks.params import load_params
from tasks.registry import Version
from tasks.stage import processes
from tasks.versioning import StageRun, prepare, push, reproduce, stage_waves
from tasks.versioning.process import Children

WAITS_S: list[float] = [2, 10, 60]
"""Between tries after a transient fault; no other fault is tried again."""


def step(name: str, function: Callable[..., Any]) -> Any:
    """The function as a Prefect task of that name. Nothing is cached: DVC knows what has changed."""
    make_task = task(
        name=name,
        task_run_name=name,
        cache_policy=NO_CACHE,
        retries=len(WAITS_S),
        retry_delay_seconds=WAITS_S,
        retry_condition_fn=steps.is_transient,
    )
    return make_task(function)


@flow(name="retrain", flow_run_name="retrain: {reason}", validate_parameters=True)
def retrain(root: Path = Path(), reason: Reason = "asked for", wait_minutes: WaitMinutes = 0) -> steps.Outcome:
    """Retrains the project in `root`.

    Raises DataContractError, with everything that is wrong, where the data breaks its contract; the registry and the
    last good data are then as they were.
    """
    settings = apply_settings(root)
    with only_retrain(settings.var, reason, wait_minutes):
        return _retrain(settings)


def _retrain(settings: Settings) -> steps.Outcome:
    root = settings.root
    params, waves = load_params(root / "params.yaml"), stage_waves(root / "dvc.yaml")
    prepare(root)
    opening = step("registry", steps.open_registry).submit(settings)  # making its database takes as long as a stage
    runs = [seen(step("fetch", steps.fetch)(root, say))]
    for stages in waves:
        if opening.state.is_failed():
            opening.result()  # raises: what would be learned has nowhere to go
        runs += [seen(run) for run in run_stages(settings, stages)]
    step("report", steps.write_report)(settings, runs)
    step("push", push)(root, say)  # what is registered must be safe in its remote first
    version, is_new = step("register", steps.register)(settings, opening.result(), params)
    who = flow_run.get_name() or "a retrain"
    judged = step("judge", judge_version)(settings, opening.result(), params, version, say)
    version = step("promote", promote)(settings, opening.result(), params, version, judged, who)
    if judged is not None and version.stage == "production":
        say(tell_promoted(root, version.number, who, version.reason))
    outcome = steps.Outcome(version, is_new, tuple(runs), judged.verdict if judged else None)
    _publish(settings, outcome)
    return outcome


def run_stages(settings: Settings, names: Sequence[str]) -> list[StageRun]:
    """Stages of dvc.yaml that do not need each other, side by side: much of each is spent on one core. Where but one
    process is wanted, one after another.

    Where one fails, the others come to their end first: what they made is kept. What ends this wait ends them all.
    """
    if len(names) == 1 or processes() == 1:
        return [run_stage(settings, name) for name in names]
    beside = Children()
    try:
        begun = [step(name, reproduce).submit(settings.root, name, say, beside) for name in names]
        wait(begun)
    except BaseException:
        beside.end()
        raise
    runs = []
    for name, run in zip(names, begun, strict=True):
        with _explained(settings, name):
            runs.append(run.result())
    return runs


def run_stage(settings: Settings, name: str) -> StageRun:
    """One stage of dvc.yaml as a task."""
    with _explained(settings, name):
        return step(name, reproduce)(settings.root, name, say)


@contextmanager
def _explained(settings: Settings, name: str) -> Iterator[None]:
    """Where the stage stops the run, a person sees in Prefect why."""
    try:
        yield
    except (DataContractError, BrokenCheckError) as error:
        failed = settings.reports / "data_quality.failed.html"
        create_markdown_artifact(f"## {name} stopped the run\n\n```\n{error}\n```", key="retrain-stopped")
        if failed.exists():
            create_link_artifact(failed.as_uri(), link_text="data quality", key="data-quality")
        raise


def say(line: str) -> None:
    if line:
        get_run_logger().info(line)


def seen(run: StageRun) -> StageRun:
    """Told in the run's log."""
    how = "unchanged, skipped" if run.skipped else f"{run.peak_mib:,.0f} MiB"
    get_run_logger().info("%s: %.1f s, %s", run.name, run.seconds, how)
    return run


def _publish(settings: Settings, outcome: steps.Outcome) -> None:
    """What a person sees of this run in Prefect."""
    evaluation = steps.read_json(settings.reports / "evaluation.json")
    quality = steps.read_json(settings.reports / "data_quality.json")
    summary = [_told(outcome.version, outcome.is_new), tables.description(evaluation), tables.kept_and_removed(quality)]
    create_markdown_artifact("\n\n".join(summary), key="retrain-summary", description="What this retrain found")
    if outcome.verdict is not None:
        told = f"## {outcome.verdict.decision}\n\n{outcome.verdict.reason}\n\n{outcome.verdict.table()}"
        create_markdown_artifact(told, key="retrain-verdict", description="What the gate asked, and found")
    create_table_artifact(tables.flat_rows(evaluation), key="retrain-metrics", description="Every system on every task")
    for key, file in (("report", "report.html"), ("data-quality", "data_quality.html")):
        create_link_artifact((settings.reports / file).as_uri(), link_text=key.replace("-", " "), key=key)


def _told(version: Version, is_new: bool) -> str:
    made = "registered" if is_new else "registered before, from the same data, code and params:"
    return f"## {version.name} version {version.number}: {version.stage}\n\n{made.capitalize()} {version.reason}"
