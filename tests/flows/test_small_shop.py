"""The whole job with its real stages, over a small shop with string ids whose right answers are known."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from flows.cli import app
from flows.retrain import retrain
from flows.steps import Outcome
from tasks.promotion.of_task import NO_LOSS
from tasks.registry.requirements import serving_requirements
from tests.flows.conftest import change_params, real_project
from tests.flows.shops import SECTIONS
from tests.registry.test_registry import PREDICT

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture(scope="module")
def finished(prefect_server: None, tmp_path_factory: pytest.TempPathFactory, exports: Path) -> tuple[Path, Outcome]:
    del prefect_server
    root = real_project(tmp_path_factory.mktemp("shop"), exports)
    return root, run(root)


def run(root: Path) -> Outcome:
    return retrain(root=root, reason="test")


def ran(outcome: Outcome) -> list[str]:
    return [run.name for run in outcome.runs if not run.skipped]


def test_the_recommender_beats_popularity_and_serves(finished: tuple[Path, Outcome]) -> None:
    root, outcome = finished
    assert outcome.version.stage == "production"
    evaluation = json.loads((root / "reports" / "evaluation.json").read_text())
    found = evaluation["tasks"]["all"]["systems"]["shoprec"]["ndcg@10"]["value"]
    assert found > 0.6, "four of a shopper's items come back almost every week"


def test_shoppers_get_items_of_the_section_that_they_buy_in(finished: tuple[Path, Outcome]) -> None:
    """Shopper n buys in section n % 4, and item m is in section m % 4."""
    root, _ = finished
    lists = pd.read_parquet(root / "reports" / "test_lists.parquet")
    best = lists[(lists["task"] == "all") & (lists["rank"] <= 5)]
    same = best["user_id"].str[1:].astype(int) % 4 == best["item_id"].str[4:].astype(int) % 4
    assert same.mean() > 0.95


def test_task_new_never_shows_what_was_bought_before(finished: tuple[Path, Outcome]) -> None:
    root, _ = finished
    lists = pd.read_parquet(root / "reports" / "test_lists.parquet").query("task == 'new'")
    cutoff = pd.Timestamp(json.loads((root / "reports" / "evaluation.json").read_text())["fold"]["cutoff"])
    events = pd.read_parquet(root / "data" / "valid" / "events.parquet")
    past = events[events["timestamp"] < cutoff][["user_id", "item_id"]].drop_duplicates()
    assert len(lists) > 0
    assert lists.merge(past, on=["user_id", "item_id"]).empty


def test_the_registered_model_recommends_in_another_process_with_its_own_requirements(
    finished: tuple[Path, Outcome], tmp_path: Path
) -> None:
    """Also to a shopper whom it has never seen."""
    root, outcome = finished
    users, pinned = ["c001", "nobody"], [line.partition("==")[0] for line in serving_requirements()]
    uri, model = f"sqlite:///{root / 'var' / 'mlflow.db'}", f"models:/shoprec/{outcome.version.number}"
    command = [sys.executable, "-c", PREDICT, uri, model, json.dumps(users), json.dumps(pinned)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    plain, asked, code = json.loads(done.stdout.splitlines()[-1])
    assert plain["user_id"] == ["c001"] * 10 + ["nobody"] * 10
    assert plain["rank"] == [*range(1, 11)] * 2
    assert all(int(item[4:]) % 4 == 1 for item in plain["item_id"][:4])
    assert asked["user_id"] == users
    assert not Path(code).is_relative_to(root / "tasks")


def test_only_what_a_change_concerns_runs_again(finished: tuple[Path, Outcome]) -> None:
    root, first = finished
    again = run(root)
    assert ran(again) == []
    assert again.version == first.version

    original = (root / "params.yaml").read_text()
    params = yaml.safe_load(original)
    slower = {task: of | {"learning_rate": 0.1} for task, of in params["ranker"].items()}
    change_params(root, root / "params.yaml", ranker=slower)
    ranker_changed = run(root)
    assert ran(ranker_changed) == ["rerank", "evaluate"]
    assert ranker_changed.version.number == first.version.number + 1
    assert_judged_beside(root, ranker_changed, champion=first.version.number)

    (root / "params.yaml").write_text(original)
    assert ran(run(root)) == ["rerank"], "of the same ranker the evaluation comes back from DVC's cache"

    change_params(root, root / "params.yaml", folds=params["folds"] | {"horizon_days": 14})
    assert ran(run(root)) == ["features", "candidates", "rerank", "evaluate"]


def assert_judged_beside(root: Path, outcome: Outcome, champion: int) -> None:
    """Both were asked for lists, the champion by its own code as of the test week."""
    assert outcome.verdict is not None
    gains = [check for check in outcome.verdict.checks if check.kind == "gain"]
    tasks = json.loads((root / "reports" / "evaluation.json").read_text())["tasks"]
    assert [check.users for check in gains] == [tasks["all"]["users"], tasks["new"]["users"]]
    assert tasks["all"]["users"] == 200
    assert all(check.value is not None for check in gains)
    assert f"version {champion}" not in outcome.verdict.reason, "it could be scored"
    assert any(check.name.endswith(NO_LOSS) for check in outcome.verdict.checks), "no first one is asked that"


def test_two_runs_from_scratch_rank_the_same_to_the_last_item(
    tmp_path_factory: pytest.TempPathFactory, exports: Path, finished: tuple[Path, Outcome]
) -> None:
    del finished
    roots = [real_project(tmp_path_factory.mktemp("again"), exports) for _ in range(2)]
    lists = []
    for root in roots:
        run(root)
        lists.append((root / "reports" / "test_lists.parquet").read_bytes())
    assert lists[0] == lists[1]


def test_the_command_recommends_what_the_version_does(
    finished: tuple[Path, Outcome], capsys: pytest.CaptureFixture[str]
) -> None:
    """Also to `nobody`, who is in no table of the shop."""
    root, outcome = finished
    first = outcome.version.number
    shown = recommend_command(root, capsys, "--user", "nobody", "--user", "c001", "--version", first, "--json")
    found = pd.DataFrame(json.loads(shown))
    assert found["user_id"].tolist() == ["nobody"] * 10 + ["c001"] * 10
    assert found["rank"].tolist() == [*range(1, 11)] * 2
    assert found["version"].unique().tolist() == [first]
    assert (
        found["title"] == [f"{SECTIONS[int(i[4:]) % 4].title()} article {int(i[4:])}" for i in found["item_id"]]
    ).all()

    page = recommend_command(root, capsys, "--user", "c001", "-k", 3, "--version", first)
    assert f"shopper c001: all purchases, version {first}" in page
    assert all(title in page for title in found.query("user_id == 'c001'")["title"][:3])


@pytest.mark.parametrize("name", ["lists.parquet", "lists.csv"])
def test_the_command_writes_lists_of_everybody_to_a_file(
    name: str, finished: tuple[Path, Outcome], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, outcome = finished
    users, out = root / "data" / "valid" / "users.parquet", tmp_path / name
    told = recommend_command(root, capsys, "--users", users, "-k", 5, "--task", "new", "--out", out)
    lists = pd.read_csv(out) if out.suffix == ".csv" else pd.read_parquet(out)
    assert list(lists) == ["user_id", "rank", "item_id", "title", "version"]
    assert lists["user_id"].unique().tolist() == pd.read_parquet(users)["user_id"].tolist()
    assert (lists.groupby("user_id").size() == 5).all()
    assert "1,000 items for 200 shoppers" in told
    events = pd.read_parquet(root / "data" / "valid" / "events.parquet")
    assert lists.merge(events, on=["user_id", "item_id"]).empty, "nobody bought what is new"


def recommend_command(root: Path, capsys: pytest.CaptureFixture[str], *options: object) -> str:
    capsys.readouterr()
    app(["recommend", "--root", str(root), *map(str, options)], standalone_mode=False)
    return capsys.readouterr().out
