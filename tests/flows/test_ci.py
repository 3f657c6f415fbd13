"""`shoprec ci` on a small shop in git, with a bare remote and a folder for DVC's: neither Prefect nor GitHub runs."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from flows.ci.base import Base, recorded_base, retrained_base
from flows.ci.comparison import Changed, changed_params, compare
from flows.ci.learning import Learned
from flows.ci.page import MARKER, as_json, markdown
from flows.cli import main
from flows.promoting import judge_version, promote
from flows.settings import apply_settings
from flows.steps import open_registry
from tasks.errors import ShoprecError
from tasks.params import load_params
from tasks.versioning import hashes
from tests.flows.conftest import toy_project
from tests.flows.made import client_of
from tests.flows.rebuilds import committed
from tests.flows.test_verify import git

BOT = {"GIT_AUTHOR_NAME": "shoprec bot", "GIT_AUTHOR_EMAIL": "bot@shop.example"}
LEAST_OFTEN = ("ascending=[True, False, True]", "ascending=[True, True, True]")
"""A change to the toy's stage after which everybody gets what they bought least often."""


@pytest.fixture(scope="module")
def merged(
    tmp_path_factory: pytest.TempPathFactory, exports: Path, empty_database: Path
) -> tuple[Path, dict[str, Any]]:
    """A shop whose branch main was registered by `shoprec ci register`, and what that said."""
    root = committed(toy_project(tmp_path_factory.mktemp("merged"), exports, empty_database))
    git(root, "branch", "--move", "main")
    git(root, "init", "--quiet", "--bare", str(root / "var" / "remote.git"))
    git(root, "remote", "add", "origin", str(root / "var" / "remote.git"))
    with pytest.MonkeyPatch.context() as patch:
        told = ci(root, patch, "register", "--json")
    return root, told


@pytest.fixture
def shop(merged: tuple[Path, dict[str, Any]]) -> Iterator[Path]:
    """On a branch of its own, which is gone afterwards."""
    root, _ = merged
    git(root, "checkout", "--quiet", "-b", "change")
    yield root
    git(root, "checkout", "--quiet", "--force", "main")
    git(root, "branch", "--quiet", "-D", "change")


def ci(root: Path, patch: pytest.MonkeyPatch, *arguments: str, code: int = 0) -> dict[str, Any]:
    """What the command says as JSON."""
    out: list[str] = []
    for name, value in BOT.items():
        patch.setenv(name, value)
    patch.setattr("sys.argv", ["shoprec", "ci", *arguments, "--root", str(root)])
    patch.setattr("typer.echo", lambda text, **_: out.append(text))
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code or 0) == code
    return json.loads(out[-1]) if out and out[-1].startswith("{") else {}


def change(root: Path, file: str, *replaced: tuple[str, str]) -> None:
    text = (root / file).read_text()
    for before, after in replaced:
        assert before in text
        text = text.replace(before, after)
    (root / file).write_text(text)
    git(root, "commit", "--quiet", "--all", "--message", "A change")


def page(root: Path) -> str:
    return (root / "var" / "ci" / "comment.md").read_text()


def test_what_was_merged_is_a_candidate_and_nothing_serves(merged: tuple[Path, dict[str, Any]]) -> None:
    root, told = merged
    assert (told["version"]["number"], told["version"]["stage"], told["is_new"]) == (1, "candidate", True)
    version = client_of(root).get_model_version("shoprec", "1")
    assert version.tags["stage"] == "candidate"
    assert not version.aliases


def test_its_lock_is_committed_by_the_bot_and_pushed_once(
    merged: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, told = merged
    remote = root / "var" / "remote.git"
    assert told["pushed_to"] == "origin/main"
    assert git(remote, "rev-parse", "main").strip() == told["commit"]
    assert git(remote, "log", "-1", "--name-only", "--format=%an%n%s", "main").split("\n\n") == [
        "shoprec bot\nData and results of shoprec version 1 [skip ci]",
        "data/raw.dvc\ndvc.lock\n",
    ]
    again = ci(root, monkeypatch, "register", "--json")
    assert (again["version"]["number"], again["is_new"], again["commit"]) == (1, False, None)
    assert [run["skipped"] for run in again["learned"]["runs"]] == [True, True], "and nothing was read from the source"


def test_another_week_or_other_shoppers_are_not_paired(merged: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    root, _ = merged
    settings, params = apply_settings(root), load_params(root / "params.yaml")
    base, learned = recorded_base(root, "main", tmp_path / "base", lambda _: None), Learned("here", (), 1.0)
    assert compare(settings, params, base, "c0ffee", learned).paired
    assert base.project is not None
    users = pd.read_parquet(base.project / "reports" / "per_user.parquet")
    users.iloc[1:].to_parquet(base.project / "reports" / "per_user.parquet")
    found = compare(settings, params, base, "c0ffee", learned)
    assert found.why_not == "the two were measured on other shoppers: 0 only in the base, 1 only here"
    evaluation = base.project / "reports" / "evaluation.json"
    evaluation.write_text(evaluation.read_text().replace("2024-03-25", "2024-03-18"))
    found = compare(settings, params, base, "c0ffee", learned)
    assert found.why_not == "the base was measured on the week from 2024-03-18, this change on the one from 2024-03-25"
    shown = markdown(found)
    assert "## Retrained, and not to be held against `main`\n\nThere is no verdict: the base was measured" in shown
    assert "+0.0000, not paired" in shown
    assert as_json(found)["decision"] is None


def test_a_change_for_the_worse_is_told_with_its_difference_and_touches_nothing(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(shop, "judge.py", LEAST_OFTEN)
    told = ci(shop, monkeypatch, "retrain", "--base", "main", "--json", "--fail-if-rejected", code=1)
    assert (told["status"], told["decision"]) == ("compared", "reject")
    ndcg = next(metric for metric in told["metrics"] if metric["name"] == "ndcg@10")
    assert ndcg["difference"]["high"] < 0
    assert ndcg["here"]["value"] - ndcg["base"]["value"] == pytest.approx(ndcg["difference"]["value"], abs=1e-5)
    assert told == json.loads((shop / "var" / "ci" / "result.json").read_text())
    shown = page(shop)
    assert shown.startswith(MARKER)
    assert "## Against `main`, this change would be rejected by the gate" in shown
    assert "a loss is shown: NDCG@10 on all purchases" in shown
    assert f"{ndcg['base']['value']:.4f} (" in shown
    assert "groups of shoppers moved beyond their margin" in shown
    assert "The raw data is the same" in shown
    assert "recorded in its dvc.lock" in shown
    assert [v.version for v in client_of(shop).search_model_versions("name = 'shoprec'")] == [1]
    assert git(shop, "log", "--oneline", "main..change").count("\n") == 1, "nobody committed"


def test_what_stops_a_retrain_is_told_on_the_page(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change(shop, "params.yaml", ("horizon_days: 7", "horizon_days: a week"))
    ci(shop, monkeypatch, "retrain", "--base", "main", code=4)
    assert "## The retrain stopped, so nothing was compared with `main`" in page(shop)
    assert "folds.horizon_days" in page(shop)


def test_a_base_whose_results_are_gone_is_not_invented(shop: Path, tmp_path: Path) -> None:
    """As in a pull request from a fork, which may not read the remote."""
    stranger = tmp_path / "fork"
    git(shop, "clone", "--quiet", str(shop), str(stranger))
    base = recorded_base(stranger, "origin/main", tmp_path / "base", lambda _: None)
    assert base.project is None
    assert base.told == "what its dvc.lock names is neither in DVC's cache nor could it be pulled"


def test_a_base_that_cannot_be_trained_is_told_and_no_fault_of_the_change(shop: Path, tmp_path: Path) -> None:
    change(shop, "dvc.yaml", ("stages:", "steps:"))
    commit = git(shop, "rev-parse", "HEAD").strip()
    found = retrained_base(shop, Base("change", commit, {}, ""), tmp_path / "base", lambda _: None)
    assert found.project is None
    assert found.told.startswith("it could not be trained either: ")
    assert "has no stages" in found.told


def test_what_the_remote_alone_has_is_pulled(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fresh machine, as CI is: every stage comes from the remote. Nothing was changed, and that is told."""
    fresh = tmp_path / "fresh"
    git(shop, "clone", "--quiet", str(shop), str(fresh))
    shutil.copytree(shop / "var" / "dvc-remote", fresh / "var" / "dvc-remote")
    told = ci(fresh, monkeypatch, "retrain", "--base", "origin/main", "--json")
    assert [run["name"] for run in told["stages"]] == ["validate", "judge"]
    assert all(run["skipped"] for run in told["stages"])
    assert told["same_raw_data"] is True
    assert "## This change recommends what `origin/main` does" in page(fresh)
    assert hashes(fresh) == hashes(shop)


def test_a_branch_that_git_does_not_know_is_told(shop: Path, tmp_path: Path) -> None:
    with pytest.raises(ShoprecError, match="git does not know 'origin/none': `git fetch origin"):
        recorded_base(shop, "origin/none", tmp_path / "base", lambda _: None)


def test_nobody_commits_without_a_name(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["shoprec", "ci", "register", "--root", str(shop)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "set GIT_AUTHOR_NAME and GIT_AUTHOR_EMAIL" in capsys.readouterr().err


def test_params_are_told_by_key_and_as_they_are_written() -> None:
    base = yaml.safe_load("als: {factors: 64, alpha: 1}\nexclude: [a]\nnone: null\nsame: 1")
    here = yaml.safe_load("als: {factors: 128, alpha: 1.0}\nexclude: [a, b]\nempty: {}\nsame: 1")
    assert changed_params(base, here) == [
        Changed("als.alpha", "1", "1.0"),
        Changed("als.factors", "64", "128"),
        Changed("empty", None, "{}"),
        Changed("exclude", "[a]", "[a, b]"),
        Changed("none", "null", None),
    ]


def test_new_data_is_compared_once_the_base_is_trained_on_it_too(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing was recorded of this base: its commit is the one before the bot's."""
    events = shop / "exports" / "events.csv"
    rows = events.read_text().splitlines(keepends=True)
    events.write_text("".join(row for row in rows if "2024-03-3" not in row))
    change(shop, "params.yaml", ("as_of: '2024-04-01", "as_of: '2024-03-30"))
    told = ci(shop, monkeypatch, "retrain", "--base", "main~1", "--newest-data", "--retrain-base", "--json")
    assert (told["status"], told["other_places"]) == ("compared", 0), "its code is the same"
    assert "trained here, on the same data" in page(shop)
    assert "The raw data is the same; that of this change is read from the source" in page(shop)
    assert "| `source.as_of` |" in page(shop)


def test_a_candidate_is_judged_by_the_next_retrain(
    merged: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its last two steps, which find the version registered and undecided."""
    root, _ = merged
    told = ci(root, monkeypatch, "register", "--json")
    assert (told["version"]["number"], told["version"]["stage"], told["is_new"]) == (1, "candidate", False)
    settings, params = apply_settings(root), load_params(root / "params.yaml")
    registry = open_registry(settings)
    version = registry.version(1)
    judged = judge_version(settings, registry, params, version, lambda _: None)
    assert promote(settings, registry, params, version, judged, "the next retrain").stage == "production"
