"""Studies of settings in MLflow: a run a study, with a nested run a trial, in an experiment of their own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from mlflow.entities import Metric, Param, Run
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from tasks.registry.faults import faults_of_mlflow
from tasks.registry.flat import flat_metrics, flat_params
from tasks.registry.registry import Registry

NAME = "shoprec-tuning"
"""Of the experiment: the runs of retrains are not among these."""
_STUDY, _TRIAL, _STATE = "study", "trial", "trial_state"
_MOST_FOUND = 50_000
_STATUS = {"complete": "FINISHED", "pruned": "FINISHED", "failed": "FAILED"}


@dataclass(frozen=True)
class LoggedTrial:
    number: int
    state: Literal["complete", "pruned", "failed"]
    params: Mapping[str, Any]
    metrics: Mapping[str, Any]
    begun: datetime
    ended: datetime


class StudyRuns:
    """Opens the run of the study of that name, or begins it. Every method raises as `Registry` does."""

    def __init__(self, uri: str, artifacts: Path | None, study: str, params: Mapping[str, Any]) -> None:
        registry = Registry(uri, artifacts, NAME)
        self._uri, self._client, self._experiment = uri, registry.client, registry.experiment_id
        with faults_of_mlflow(uri):
            found = self._found(f"tags.{_STUDY} = '{study}'", 1)
            self.run_id = found[0].info.run_id if found else self._begin(study, params)
            self._client.update_run(self.run_id, status="RUNNING")
            children = self._found(f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{self.run_id}'", _MOST_FOUND)
            whole = [run for run in children if run.info.status in _STATUS.values()]
            for left in (run for run in children if run.info.status == "RUNNING"):
                self._client.set_terminated(left.info.run_id, "KILLED")
        self._logged = {int(run.data.tags[_TRIAL]) for run in whole}

    def log(self, trials: Sequence[LoggedTrial]) -> None:
        """A nested run for each that has none yet."""
        with faults_of_mlflow(self._uri):
            for trial in trials:
                if trial.number not in self._logged:
                    self._log(trial)
                    self._logged.add(trial.number)

    def end(self, metrics: Mapping[str, Any], files: Sequence[Path], note: str) -> None:
        """With what the study found. It may be gone on with later."""
        with faults_of_mlflow(self._uri):
            self._client.log_batch(self.run_id, metrics=_metrics(metrics, datetime.now().astimezone()))
            self._client.set_tag(self.run_id, "mlflow.note.content", note)
            for file in files:
                self._client.log_artifact(self.run_id, str(file))
            self._client.set_terminated(self.run_id, "FINISHED")

    def stop(self) -> None:
        """Before it has found anything."""
        with faults_of_mlflow(self._uri):
            self._client.set_terminated(self.run_id, "KILLED")

    def _begin(self, study: str, params: Mapping[str, Any]) -> str:
        run = self._client.create_run(self._experiment, run_name=study, tags={_STUDY: study})
        self._client.log_batch(run.info.run_id, params=_params(params))
        return run.info.run_id

    def _log(self, trial: LoggedTrial) -> None:
        """What a kill leaves of it is RUNNING: the next to open the study ends it, and logs the trial once more."""
        tags = {MLFLOW_PARENT_RUN_ID: self.run_id, _TRIAL: str(trial.number), _STATE: trial.state}
        name = f"trial {trial.number}"
        run = self._client.create_run(self._experiment, _milliseconds(trial.begun), tags, name)
        metrics, params = _metrics(trial.metrics, trial.ended), _params(trial.params)
        self._client.log_batch(run.info.run_id, metrics=metrics, params=params)
        self._client.set_terminated(run.info.run_id, _STATUS[trial.state], _milliseconds(trial.ended))

    def _found(self, query: str, most: int) -> list[Run]:
        return list(self._client.search_runs([self._experiment], query, max_results=most))


def _params(params: Mapping[str, Any]) -> list[Param]:
    return [Param(name, value) for name, value in flat_params(params).items()]


def _metrics(metrics: Mapping[str, Any], at: datetime) -> list[Metric]:
    return [Metric(name, value, _milliseconds(at), 0) for name, value in flat_metrics(metrics).items()]


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
