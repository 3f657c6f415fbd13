"""The real flow over DVC, MLflow on SQLite and Prefect, on a small shop."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ParameterTypeError

from flows.lineage.recipe import refuse_changed_params
from flows.retrain import retrain, step
from flows.rollback import rollback
from flows.settings import apply_settings
from flows.steps import Outcome, write_report
from tasks.errors import DataContractError, ParamsError, ShoprecError, TransientError
from tasks.params import load_params
from tasks.registry.ledger import Ledger
from tasks.versioning import hashes
from tests.flows.conftest import change_params, toy_project
from tests.flows.made import client_of
from tests.waiting import wait_for_text

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture(scope="module")
def finished(
    prefect_server: None, tmp_path_factory: pytest.TempPathFactory, exports: Path
) -> tuple[Path, Outcome, Outcome]:
    """A project after two runs with nothing changed between them."""
    del prefect_server
    root = toy_project(tmp_path_factory.mktemp("finished"), exports)
    return root, retrain(root=root, reason="first"), retrain(root=root, reason="second")


def run_named(reason: str, flow: str = "retrain") -> FlowRun:
    """The only one: tests of other files have the same server."""
    with get_client(sync_client=True) as client:
        (run,) = (run for run in client.read_flow_runs() if run.name == f"{flow}: {reason}")
    return run


def test_one_run_ends_with_a_champion_and_its_report(finished: tuple[Path, Outcome, Outcome]) -> None:
    root, first, _ = finished
    assert (first.version.number, first.version.stage, first.is_new) == (1, "production", True)
    assert "beats popularity" in first.version.reason
    assert [run.name for run in first.runs] == ["fetch", "validate", "judge"]
    assert not any(run.skipped for run in first.runs)
    assert int(client_of(root).get_model_version_by_alias("shoprec", "champion").version) == first.version.number
    assert "<html" in (root / "reports" / "report.html").read_text(encoding="utf-8")


def test_the_ledger_says_that_the_run_put_it_there(finished: tuple[Path, Outcome, Outcome]) -> None:
    root, first, _ = finished
    begun, done = Ledger(f"sqlite:///{root / 'var' / 'ledger.db'}").entries()
    assert (begun.change.who, begun.change.version, begun.change.to_stage) == ("retrain: first", 1, "production")
    assert begun.change.why == first.version.reason
    assert (done.state, done.ends) == ("done", begun.number)


def test_with_nothing_changed_everything_is_skipped_and_nothing_registered(
    finished: tuple[Path, Outcome, Outcome],
) -> None:
    root, first, second = finished
    assert all(run.skipped for run in second.runs)
    assert second.version == first.version
    assert not second.is_new
    assert len(client_of(root).search_model_versions("name = 'shoprec'")) == 1


def test_a_report_of_another_evaluation_is_drawn_anew_though_nothing_ran(
    finished: tuple[Path, Outcome, Outcome],
) -> None:
    """As after going back to old params, which DVC has in its cache, or after a run that was killed before drawing."""
    root, _, second = finished
    page = root / "reports" / "report.html"
    right = page.read_text(encoding="utf-8")
    evaluation = hashes(root)["reports/evaluation.json"]
    page.write_text(right.replace(evaluation, "of another evaluation"), encoding="utf-8")
    write_report(apply_settings(root), second.runs)
    assert evaluation in page.read_text(encoding="utf-8")


def test_the_run_in_mlflow_holds_all_that_a_reviewer_asks_for(finished: tuple[Path, Outcome, Outcome]) -> None:
    root, first, _ = finished
    client = client_of(root)
    run = client.get_run(first.version.run_id)
    folders = {folder: {f.path for f in client.list_artifacts(run.info.run_id, folder)} for folder in (None, "recipe")}
    assert folders[None] == {"report.html", "data_quality.html", "evaluation", "recipe", "gate", "passport.json"}
    in_the_recipe = {"dvc.lock", "dvc.yaml", "params.yaml", "data", "expectations"}
    assert folders["recipe"] == {f"recipe/{name}" for name in in_the_recipe}
    assert {
        "all/ndcg_at_10",
        "all/ndcg_at_10_low",
        "all/ndcg_at_10_high",
        "all/recall_at_20",
    } <= run.data.metrics.keys()
    assert run.data.params["folds.horizon_days"] == "7"
    assert run.inputs is not None
    assert {(i.dataset.name, len(i.dataset.digest)) for i in run.inputs.dataset_inputs} == {
        ("raw", 36),
        ("valid", 36),
        ("quarantine", 36),
        ("features", 36),
        ("candidates", 36),
    }


def test_the_data_is_in_the_remote(finished: tuple[Path, Outcome, Outcome]) -> None:
    root, _, _ = finished
    status = [sys.executable, "-m", "dvc", "status", "--cloud", "--json"]
    done = subprocess.run(status, cwd=root, check=True, capture_output=True, text=True)
    assert json.loads(done.stdout) == {}


def test_prefect_shows_a_task_a_step_and_the_findings(finished: tuple[Path, Outcome, Outcome]) -> None:
    del finished
    run = run_named("first")
    with get_client(sync_client=True) as client:
        names = {task.name for task in client.read_task_runs() if task.flow_run_id == run.id}
        keys = {artifact.key for artifact in client.read_artifacts()}
    assert run.state is not None
    assert run.state.is_completed()
    assert names == {"registry", "fetch", "validate", "judge", "report", "push", "register", "promote"}
    assert {"retrain-summary", "retrain-metrics", "report", "data-quality"} <= keys


def test_data_that_breaks_its_contract_leaves_registry_and_good_data_as_they_were(toy: Path) -> None:
    outcome = retrain(root=toy)
    good = {path.name: path.read_bytes() for path in (toy / "data" / "valid").iterdir()}
    events = toy / "exports" / "events.csv"
    events.write_text(events.read_text().replace(",1,", ",-1,"))
    with pytest.raises(DataContractError, match="events.quantity_in_range(?s:.*)such as -1"):
        retrain(root=toy, reason="bad data")
    assert {path.name: path.read_bytes() for path in (toy / "data" / "valid").iterdir()} == good
    assert [v.version for v in client_of(toy).search_model_versions("name = 'shoprec'")] == [outcome.version.number]
    experiment = client_of(toy).get_experiment_by_name("shoprec")
    assert experiment is not None
    assert len(client_of(toy).search_runs([experiment.experiment_id])) == 1
    state = run_named("bad data").state
    assert state is not None
    assert state.is_failed()
    assert "events.quantity_in_range" in (state.message or "")

    events.write_text(events.read_text().replace(",-1,", ",1,"))
    assert retrain(root=toy, reason="mended").version == outcome.version
    assert not list((toy / "reports").glob("*.failed.*"))


def test_new_data_gives_a_challenger_and_the_champion_keeps_serving(toy: Path) -> None:
    champion = retrain(root=toy).version
    events = toy / "exports" / "events.csv"
    events.write_text(events.read_text() + "c000,sku-00,2024-03-31 21:00,1,1.0\n")
    outcome = retrain(root=toy)
    assert (outcome.version.number, outcome.version.stage) == (2, "staging")
    assert client_of(toy).get_model_version_by_alias("shoprec", "champion").version == champion.number
    assert client_of(toy).get_model_version_by_alias("shoprec", "challenger").version == 2


def test_a_rollback_by_prefect_is_in_the_ledger_with_its_name(toy: Path) -> None:
    retrain(root=toy)
    events = toy / "exports" / "events.csv"
    events.write_text(events.read_text() + "c000,sku-00,2024-03-31 21:00,1,1.0\n")
    retrain(root=toy)
    served = rollback(reason="complaints", to=2, root=toy)
    assert (served.version, served.instead_of, served.who) == (2, 1, "rollback: complaints")
    assert client_of(toy).get_model_version_by_alias("shoprec", "champion").version == 2
    state = run_named("complaints", "rollback").state
    assert state is not None
    assert state.is_completed()


def test_a_mistyped_param_is_named_before_anything_is_done(toy: Path) -> None:
    change_params(toy, toy / "params.yaml", shoop={"time_zone": "UTC"})
    with pytest.raises(ParamsError, match=r"shoop.*unknown key"):
        retrain(root=toy)
    assert not (toy / "data").exists()


def test_params_that_are_edited_during_a_run_are_not_taken_for_what_was_run(toy: Path) -> None:
    params = load_params(toy / "params.yaml")
    change_params(toy, toy / "params.yaml", shop={"time_zone": "Europe/Berlin"})
    with pytest.raises(ShoprecError, match=r"params.yaml was changed while the run was under way"):
        refuse_changed_params(toy, params)


def test_the_flow_refuses_parameters_of_a_wrong_type(toy: Path) -> None:
    with pytest.raises(ParameterTypeError):
        retrain(root=toy, reason="")


@pytest.mark.parametrize(("error", "tries"), [(TransientError, 3), (ShoprecError, 1)])
def test_only_a_fault_that_may_pass_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, error: type[ShoprecError], tries: int
) -> None:
    monkeypatch.setattr("flows.retrain.WAITS_S", [0.01, 0.01])
    tried: list[int] = []

    def fail_twice() -> int:
        tried.append(1)
        if len(tried) < 3:
            raise error("the database is locked")
        return len(tried)

    @flow
    def one_step() -> int:
        return step("fail_twice", fail_twice)()

    if tries == 1:
        with pytest.raises(ShoprecError, match="locked"):
            one_step()
    else:
        assert one_step() == tries
    assert len(tried) == tries


HOLD = """
import sys
from pathlib import Path
from flows.one_at_a_time import only_retrain

with only_retrain(Path(sys.argv[1]), "by another"):
    Path(sys.argv[2]).write_text("held")
    sys.stdin.read()
"""


def test_a_second_retrain_is_told_who_is_at_work(toy: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(toy / "var"), str(toy / "held")]
    other = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        wait_for_text(toy / "held")
        with pytest.raises(
            ShoprecError, match=rf"process {other.pid} \(since .*, by another\) retrains or refreshes in .* already"
        ):
            retrain(root=toy)
    finally:
        other.kill()
        other.wait()
    assert retrain(root=toy).version.number == 1, "who was killed holds no lock"


def test_the_environment_wins_over_the_defaults(toy: Path) -> None:
    (toy / "var" / "mlflow.db").rename(toy / "elsewhere.db")
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{toy / 'elsewhere.db'}"
    retrain(root=toy)
    assert (toy / "elsewhere.db").exists()
    assert not (toy / "var" / "mlflow.db").exists()
    assert (toy / "var" / "mlartifacts").is_dir()
