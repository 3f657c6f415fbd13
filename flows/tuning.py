"""A search for better settings of the ranker: trials in tasks/tuning, told to MLflow as they end, and their evidence.

No flow of Prefect's: it is asked for by a person, and is no step of the job.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from threadpoolctl import threadpool_limits

from flows.lineage.recipe import refuse_changed_params
from flows.one_at_a_time import only_retrain
from flows.settings import Settings
from tasks.errors import ShoprecError
from tasks.lock_file import locked
from tasks.params import Params, load_params
from tasks.registry.texts import listed
from tasks.schema import Task
from tasks.tuning.confirmation import Confirmed, other_seeds
from tasks.tuning.page import Result, write_evidence
from tasks.tuning.search import Search, prepare
from tasks.tuning.settled import write_settings
from tasks.tuning.space import with_settings
from tasks.tuning.study import Tried
from tasks.versioning import changes, hashes
from tasks.versioning.graph import shapes

if TYPE_CHECKING:
    from tasks.registry.studies import StudyRuns

READ = ("data/valid", "data/features", "data/candidates")
EVIDENCE = Path("docs", "tuning")
"""In the project, and meant for git."""
_LOCK = "tune"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """What is asked of a search."""

    task: Task
    trials: int
    """Of the study, all searches of it together."""
    minutes: float | None
    """After which no trial is begun; None: no bound."""
    weeks: int
    seeds: int
    """With which winner and present params are learned anew."""
    write: bool


@dataclass(frozen=True)
class Outcome:
    study: str
    trials: int
    """That have ended, and did not fail."""
    present: float | None
    """Value of the present params among the trials; None: they were not tried."""
    result: Result
    page: Path
    run_id: str
    """Of the study, in MLflow."""


def tune(settings: Settings, wanted: Wanted, say: Say) -> Outcome:
    """Searches in the project in `settings.root`, going on with what was tried before on the same data.

    Raises ShoprecError where no run has left its results, or they are of other data, code or params; where another
    search is at work; and where params.yaml is changed meanwhile and should be written.
    """
    root = settings.root
    params = load_params(root / "params.yaml")
    one_thread = threadpool_limits(limits=1, user_api="blas")  # as in a stage
    with one_thread, _only_search(settings.var / "tuning", wanted.task):
        with only_retrain(settings.var, "tune: makes its frames"):
            made_from = _made_from(root)
            folder = settings.var / "tuning"
            search = prepare(root / "data", params, wanted.task, wanted.weeks, made_from, folder, say)
        runs = _open_runs(settings, search, made_from)
        try:
            return _search(settings, params, search, runs, wanted, made_from, say)
        except BaseException:
            runs.log([_logged(trial) for trial in search.study.tried()])
            runs.stop()
            raise


def _only_search(folder: Path, task: Task) -> AbstractContextManager[None]:
    def busy(holder: str) -> ShoprecError:
        return ShoprecError(f"{holder} searches in {folder} already: wait for it to end, or stop it; nothing is lost")

    return locked(folder / _LOCK, f"task {task}", busy)


def _made_from(root: Path) -> dict[str, str]:
    """Path to digest. Raises ShoprecError where a run would make something else."""
    makers = [name for name, stage in shapes(root / "dvc.yaml").items() if stage.makes & set(READ)]
    stale = changes(root, makers)
    if stale:
        told = "; ".join(f"{stage}: {listed(found, ', ')}" for stage, found in stale.items())
        raise ShoprecError(
            f"what a run left in data/ is not there, or not of the present data, code and params ({told}): run"
            " `shoprec run`, then tune"
        )
    known = hashes(root)
    return {path: known[path] for path in READ}


def _open_runs(settings: Settings, search: Search, made_from: dict[str, str]) -> "StudyRuns":
    from tasks.registry.studies import StudyRuns  # imports mlflow

    about = {
        "task": search.task,
        "judged": [week.name for week in search.weeks.judged],
        "data": made_from,
        "space": search.space.told(),
        "present": search.present.model_dump(),
    }
    return StudyRuns(settings.tracking_uri, settings.artifacts, search.study.name, about)


def _search(
    settings: Settings,
    params: Params,
    search: Search,
    runs: "StudyRuns",
    wanted: Wanted,
    made_from: dict[str, str],
    say: Say,
) -> Outcome:
    study = search.study
    before = [trial for trial in study.tried() if trial.state != "failed"]
    say(f"study {study.name}: {len(before)} of {wanted.trials} trials were made before")
    runs.log([_logged(trial) for trial in study.tried()])

    def told(trial: Tried) -> None:
        runs.log([_logged(trial)])
        say(_line(trial, study.best().value or 0.0))

    study.run(search.judge, search.weeks.judged, wanted.trials, _seconds(wanted.minutes), told)
    winner = study.best()
    result = _result(settings, params, search, winner, wanted, say)
    page = write_evidence(settings.root / EVIDENCE, search, result, made_from, datetime.now(UTC))
    runs.end(_metrics(search, result), [page, page.with_suffix(".svg")], result.why)
    present = study.of_present()
    ended = [trial for trial in study.tried() if trial.state != "failed"]
    return Outcome(study.name, len(ended), present.value if present else None, result, page, runs.run_id)


def _result(settings: Settings, params: Params, search: Search, winner: Tried, wanted: Wanted, say: Say) -> Result:
    tuned = with_settings(search.present, winner.settings)
    if winner.settings == search.space.settings(search.space.proposal(search.present)):
        return Result(winner, None, False, "the present params are the best of all trials")
    say(f"trial {winner.number} and the present params, learned anew with {wanted.seeds} other seeds")
    seeds = other_seeds(search.present, wanted.seeds)
    confirmed = search.confirmation.confirm(search.present, tuned, seeds, say)
    if not (wanted.write and confirmed.is_shown):
        return Result(winner, confirmed, False, confirmed.why)
    refuse_changed_params(settings.root, params)
    write_settings(settings.root / "params.yaml", search.task, winner.settings)
    return Result(winner, confirmed, True, confirmed.why)


def _metrics(search: Search, result: Result) -> dict[str, Any]:
    present = search.study.of_present()
    found = {
        "best": result.winner.value,
        "present": present.value if present else None,
        "trials": len(search.study.tried()),
    }
    if importances := search.study.importances():
        found["importance"] = importances
    if result.confirmed:
        found["confirmed"] = _confirmed(result.confirmed)
    return found


def _confirmed(found: Confirmed) -> dict[str, Any]:
    pooled = {name: getattr(found.pooled, name) for name in ("present", "winner", "gain", "low", "high")}
    return pooled | ({"gain_aside": found.aside.gain} if found.aside else {})


def _logged(trial: Tried) -> Any:
    from tasks.registry.studies import LoggedTrial

    metrics = {"value": trial.value, "seconds": trial.seconds}
    metrics |= {f"ndcg@10/{week}": value for week, value in trial.by_week.items()}
    return LoggedTrial(trial.number, trial.state, trial.settings, metrics, trial.begun, trial.ended)


def _line(trial: Tried, best: float) -> str:
    value = f"{trial.value:.4f}" if trial.value is not None else f"given up after {' '.join(trial.by_week)}"
    return f"trial {trial.number:>3}  {value}  best {best:.4f}  {trial.seconds:.0f} s"


def _seconds(minutes: float | None) -> float | None:
    return None if minutes is None else 60 * minutes
