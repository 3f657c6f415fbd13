"""`shoprec tune` over what DVC's stages left of a small shop: what it tells, keeps in MLflow, and puts into params."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows import steps
from flows.cli import app
from tasks.errors import ShoprecError
from tasks.lock_file import locked
from tasks.params import load_params
from tasks.versioning import prepare, reproduce
from tests.flows.conftest import change_params, real_project
from tests.flows.made import client_of
from tests.waiting import wait_for_text

SHOPREC = [sys.executable, "-c", "from flows.cli import main; main()"]


@pytest.fixture(scope="module")
def unlearned(tmp_path_factory: pytest.TempPathFactory, exports: Path, empty_database: Path) -> Path:
    """A project as a run leaves it, but for a ranker and a version. Not to be changed."""
    root = real_project(tmp_path_factory.mktemp("shop"), exports)
    params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    ranker = {task: of | {"boosters": 1, "threads": 1} for task, of in params["ranker"].items()}
    change_params(root, root / "params.yaml", folds={"horizon_days": 7, "train": 4}, ranker=ranker)
    (root / "var").mkdir()
    shutil.copy(empty_database, root / "var" / "mlflow.db")
    prepare(root)
    steps.fetch(root, silent)
    for stage in ("validate", "features", "candidates"):
        reproduce(root, stage, silent)
    return root


def silent(line: str) -> None:
    del line


@pytest.fixture
def project(unlearned: Path, tmp_path: Path) -> Path:
    return shutil.copytree(unlearned, tmp_path / "project")


def tune(root: Path, capsys: pytest.CaptureFixture[str], *options: object) -> tuple[dict[str, Any], str]:
    """Its JSON, and what was shown meanwhile."""
    capsys.readouterr()
    command = ["tune", "--root", root, "--task", "new", "--seeds", 1, "--json", *options]
    app([str(part) for part in command], standalone_mode=False)
    shown = capsys.readouterr()
    return json.loads(shown.out), shown.err


def test_trials_are_shown_kept_and_logged_and_the_same_study_goes_on(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    params = (project / "params.yaml").read_bytes()
    first, shown = tune(project, capsys, "--trials", 2, "--write")
    assert "trial   0  0." in shown and "trial   1  0." in shown
    assert first["trials"] == 2
    again, shown = tune(project, capsys, "--trials", 3)
    assert "2 of 3 trials were made before" in shown
    assert "trial   0" not in shown and "trial   2  0." in shown
    assert (again["study"], again["run_id"], again["present"]) == (first["study"], first["run_id"], first["present"])
    assert not first["result"]["is_written"], "so few users show nothing"
    assert (project / "params.yaml").read_bytes() == params
    page = (project / "docs" / "tuning" / "new.md").read_text(encoding="utf-8")
    assert "params.yaml stays as it was" in page and "3 complete, 0 pruned, 0 failed" in page
    assert "<svg" in (project / "docs" / "tuning" / "new.svg").read_text(encoding="utf-8")
    assert_in_mlflow(project, again)


def assert_in_mlflow(root: Path, found: dict[str, Any]) -> None:
    """A run of the study with one for each trial in it, apart from the runs of retrains."""
    client = client_of(root)
    parent = client.get_run(found["run_id"])
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics["best"] == pytest.approx(found["result"]["winner"]["value"])
    assert {file.path for file in client.list_artifacts(found["run_id"])} == {"new.md", "new.svg"}
    runs = client.search_runs([parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{found['run_id']}'")
    trials = {run.info.run_name: run for run in runs}
    assert set(trials) == {"trial 0", "trial 1", "trial 2"}
    first = trials["trial 0"].data
    assert first.params["learning_rate"] == "0.1"
    assert set(first.metrics) == {"value", "seconds", "ndcg_at_10/validation", "ndcg_at_10/train-1"}
    assert first.metrics["value"] == pytest.approx(found["present"])
    retrains = client.get_experiment_by_name("shoprec")
    assert retrains is None or not client.search_runs([retrains.experiment_id])


def test_a_winner_that_is_shown_better_is_written_where_it_is_asked_for(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No leaf may be as small as the present params want it, so nothing is learned with them."""
    text = (project / "params.yaml").read_text(encoding="utf-8")
    params = yaml.safe_load(text)
    nothing = params["ranker"]["new"] | {"min_data_in_leaf": 10_000_000, "fusion_below": 0}
    change_params(project, project / "params.yaml", ranker=params["ranker"] | {"new": nothing})
    with (project / "params.yaml").open("a", encoding="utf-8") as file:
        file.write("# the end, said a person\n")
    before = load_params(project / "params.yaml")
    found, _ = tune(project, capsys, "--trials", 6)
    assert found["result"]["confirmed"]["pooled"]["low"] > 0
    assert load_params(project / "params.yaml") == before, "not asked for"

    found, _ = tune(project, capsys, "--trials", 6, "--write")
    assert found["result"]["is_written"]
    after, winner = load_params(project / "params.yaml"), found["result"]["winner"]["settings"]
    assert after.ranker.new == before.ranker.new.model_copy(update=winner)
    assert after == before.model_copy(update={"ranker": after.ranker})
    assert after.ranker.all == before.ranker.all
    assert (project / "params.yaml").read_text(encoding="utf-8").endswith("# the end, said a person\n")
    assert "params.yaml has the winner" in (project / "docs" / "tuning" / "new.md").read_text(encoding="utf-8")


def test_what_no_run_left_or_one_of_other_params_is_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change_params(project, project / "params.yaml", features={"windows_days": [3], "half_lives_days": [15]})
    with pytest.raises(ShoprecError, match=r"features: params.yaml: features modified\): run `shoprec run`"):
        tune(project, capsys)
    shutil.rmtree(project / "data" / "candidates")
    with pytest.raises(ShoprecError, match=r"candidates: .*data/candidates deleted"):
        tune(project, capsys)


def test_a_second_search_is_refused_with_who_is_at_it(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (
        locked(project / "var" / "tuning" / "tune", "task all", ShoprecError),
        pytest.raises(ShoprecError, match=r"process \d+ \(since .*, task all\) searches in .* already"),
    ):
        tune(project, capsys)


def test_after_ctrl_c_all_trials_that_ended_are_there(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = project / "shown"
    with log.open("w", encoding="utf-8") as file:
        command = [*SHOPREC, "tune", "--task", "new", "--trials", "1000"]
        search = subprocess.Popen(command, cwd=project, stdout=subprocess.DEVNULL, stderr=file)
        wait_for_text(log, holding="trial   1")
        search.send_signal(signal.SIGINT)
        assert search.wait(timeout=60) == 130
    told = log.read_text(encoding="utf-8")
    assert "interrupted: every trial that had ended is kept; the same command goes on" in told
    assert "Traceback" not in told
    ended = told.count("\ntrial ")
    found, shown = tune(project, capsys, "--trials", ended)
    assert f"{ended} of {ended} trials were made before" in shown
    assert found["trials"] == ended
    states = [run.data.tags["trial_state"] for run in nested(project, found["run_id"])]
    assert states.count("failed") <= 1, "the one that was under way, unless it was between two"


def nested(root: Path, run_id: str) -> list[Any]:
    client = client_of(root)
    experiment = client.get_run(run_id).info.experiment_id
    return list(client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{run_id}'"))
