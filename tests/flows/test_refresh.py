"""What serves gets newer knowledge and keeps its ranker: the real flow and stages, over the small shop."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml
from mlflow.artifacts import download_artifacts

from flows.champion import Champion, refuse_other_data
from flows.cli import main
from flows.lineage.verifying import verify_version
from flows.refresh import refresh
from flows.refreshing import Outcome
from flows.retrain import retrain
from flows.settings import apply_settings
from tasks.errors import DataContractError, ShoprecError
from tasks.params import load_params
from tasks.registry import Version
from tasks.registry.ledger import Ledger
from tasks.registry.lines import REFRESH_OF
from tasks.registry.passport import Passport
from tasks.registry.stages import Stages
from tasks.versioning import hashes
from tests.flows.conftest import change_params, real_project
from tests.flows.made import client_of, passport_of
from tests.flows.shops import LAST_DAY, WEEKS, purchases
from tests.registry.agreement import assert_all_agree

pytestmark = pytest.mark.usefixtures("prefect_server")


@dataclass(frozen=True)
class Shop:
    """A project whose first version was refreshed with the week after its data."""

    root: Path
    first: Version
    outcome: Outcome
    entries: list[Any]
    """The ledger then."""
    served: Path
    """The refreshed model, downloaded."""

    @property
    def client(self) -> mlflow.MlflowClient:
        return client_of(self.root)


@pytest.fixture(scope="module")
def shop(prefect_server: None, tmp_path_factory: pytest.TempPathFactory, exports: Path) -> Shop:
    del prefect_server
    root = real_project(tmp_path_factory.mktemp("refreshed"), exports)
    first, outcome = retrained_and_refreshed(root)
    served = Path(download_artifacts("models:/shoprec/2", tracking_uri=uri_of(root)))
    return Shop(root, first, outcome, ledger_of(root).entries(), served)


def retrained_and_refreshed(root: Path) -> tuple[Version, Outcome]:
    """The first version of the project, and its refresh with what was sold in the week after."""
    events = purchases(np.random.default_rng(7), WEEKS + 1, LAST_DAY + pd.Timedelta(days=7))
    events[events["bought_at"] < "2024-04-01"].to_csv(root / "exports" / "events.csv", index=False)
    first = retrain(root=root, reason="before the new week").version
    events.to_csv(root / "exports" / "events.csv", index=False)
    params = yaml.safe_load((root / "params.yaml").read_text())
    source = params["source"] | {"as_of": "2024-04-08T00:00:00+00:00"}
    change_params(root, root / "params.yaml", source=source)
    return first, refresh(root=root, reason="a week later")


def uri_of(root: Path) -> str:
    return f"sqlite:///{root / 'var' / 'mlflow.db'}"


def ledger_of(root: Path) -> Ledger:
    return Ledger(f"sqlite:///{root / 'var' / 'ledger.db'}")


def sell(root: Path, *lines: str) -> None:
    events = root / "exports" / "events.csv"
    events.write_text(events.read_text() + "".join(f"{line}\n" for line in lines))


def aliases(root: Path) -> dict[str, int]:
    found = client_of(root).get_registered_model("shoprec").aliases
    return {alias: int(number) for alias, number in found.items()}


def test_the_refreshed_version_serves_in_place_of_its_parent(shop: Shop) -> None:
    version = shop.outcome.version
    assert version is not None
    assert shop.first.stage == "production"
    assert (version.number, version.stage, shop.outcome.champion, shop.outcome.is_fresh) == (2, "production", 1, True)
    begun, done = shop.entries[-2:]
    assert (begun.change.who, begun.change.version, begun.change.replaced) == ("refresh: a week later", 2, 1)
    assert begun.change.evidence["decision"] == "promote"
    assert begun.change.evidence[REFRESH_OF] == 1
    assert (done.state, done.ends) == ("done", begun.number)


def test_only_fetch_and_validation_ran_as_in_a_retrain(shop: Shop) -> None:
    assert [run.name for run in shop.outcome.runs] == ["fetch", "validate"]
    assert not any(run.skipped for run in shop.outcome.runs)


def test_ranker_and_code_are_byte_for_byte_the_parents(shop: Shop) -> None:
    parent, ours = passport_of(shop.root, 1).model, passport_of(shop.root, 2).model
    same = [path for path in ours if path.startswith(("code/", "artifacts/recommender/ranker/"))]
    assert "artifacts/recommender/ranker/learned.json" in same
    assert {path: ours[path] for path in same} == {path: parent[path] for path in same}
    assert ours["artifacts/recommender/retrieval/owned.npz"] != parent["artifacts/recommender/retrieval/owned.npz"]


def test_its_passport_names_its_parent_and_what_it_was_made_from(shop: Shop) -> None:
    parent, ours = passport_of(shop.root, 1), passport_of(shop.root, 2)
    assert (ours.kind, ours.parent, ours.verdict.decision) == ("refresh", 1, "promote")
    assert ours.params == parent.params
    assert ours.recipe["recipe/params.yaml"] == parent.recipe["recipe/params.yaml"]
    assert ours.recipe["recipe/dvc.yaml"] == parent.recipe["recipe/dvc.yaml"]
    assert ours.recipe["recipe/dvc.lock"] != parent.recipe["recipe/dvc.lock"]
    assert ours.outputs["models/ranker"] == parent.outputs["models/ranker"] == ours.inputs["models/ranker"]
    assert ours.outputs["data/valid"] != parent.outputs["data/valid"]
    assert "data/features" not in ours.outputs, "those that the project has are of its last retrain"
    assert [(cut.name, f"{cut.cutoff:%m-%d}") for cut in ours.folds] == [("test", "04-01"), ("serve", "04-08")]
    assert ours.metrics == parent.metrics


def test_it_is_what_its_passport_says(shop: Shop) -> None:
    found = verify_version(apply_settings(shop.root), 2)
    assert found.is_as_written, found
    passed = {check.name for check in found.checks if check.outcome == "pass"}
    assert passed >= {"passport", "model", "recipe", "reports", "params", "metrics", "data"}


def test_a_metric_of_the_newest_week_that_was_logged_anew_is_caught(shop: Shop) -> None:
    """MLflow shows what was logged last."""
    run_id = shop.client.get_model_version("shoprec", "2").run_id or ""
    right = passport_of(shop.root, 2).newest["all/ndcg_at_10"]
    shop.client.log_metric(run_id, "all/ndcg_at_10", 0.9)
    found = verify_version(apply_settings(shop.root), 2)
    shop.client.log_metric(run_id, "all/ndcg_at_10", right)
    (failed,) = (check for check in found.checks if check.outcome == "fail")
    assert failed.why == f"all/ndcg_at_10 is 0.9, was {right!r}"
    assert verify_version(apply_settings(shop.root), 2).is_as_written


def test_its_run_says_how_its_ranker_did_in_the_newest_week(shop: Shop) -> None:
    run = shop.client.get_run(shop.client.get_model_version("shoprec", "2").run_id or "")
    assert shop.outcome.verdict is not None
    (check,) = (check for check in shop.outcome.verdict.checks if check.name == "NDCG@10 on all purchases")
    assert check.says.startswith(f"{run.data.metrics['all/ndcg_at_10']:.4f} on the newest horizon")
    assert {artifact.path for artifact in shop.client.list_artifacts(run.info.run_id, "gate")} == {
        "gate/verdict.json",
        "gate/verdict.md",
    }
    description = shop.client.get_model_version("shoprec", "2").description or ""
    assert description.startswith("**Refresh of version 1: promoted.** the ranker of version 1 with its state as of")
    assert "events since version 1; the newest is of 2024-04-07" in description


def test_it_recommends_from_what_was_bought_in_the_new_week(shop: Shop) -> None:
    """Owned is what nobody is shown under task new."""
    events = pd.read_parquet(shop.root / "data" / "valid" / "events.parquet")
    week = events[events["timestamp"] >= "2024-04-01"][["user_id", "item_id"]].drop_duplicates()
    model = mlflow.pyfunc.load_model(str(shop.served))
    users = pd.DataFrame({"user_id": sorted(week["user_id"].unique())})
    found = model.predict(users, params={"k": 60, "task": "new"})
    assert len(found) > 1000
    assert found.merge(week, on=["user_id", "item_id"]).empty


def test_with_nothing_new_it_says_so_and_registers_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = ledger_of(shop.root).entries(), hashes(shop.root)
    serving = aliases(shop.root)["champion"]
    code, out = command(shop.root, monkeypatch, capsys)
    assert code == 0
    assert f"Nothing new: version {serving} serves, and its state is of this very data." in out
    assert (ledger_of(shop.root).entries(), hashes(shop.root)) == before


def command(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *more: str
) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["shoprec", "refresh", "--root", str(root), *more])
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code if isinstance(ended.value.code, int) else 0, capsys.readouterr().out


def test_bad_data_stops_it_and_the_champion_goes_on_serving(shop: Shop) -> None:
    events, before = shop.root / "exports" / "events.csv", aliases(shop.root)
    right = events.read_text()
    events.write_text(right.replace(",1,", ",-1,"))
    with pytest.raises(DataContractError, match=r"events\.quantity_in_range"):
        refresh(root=shop.root, reason="bad data")
    events.write_text(right)
    assert aliases(shop.root) == before


def test_one_that_was_cut_short_before_it_served_is_brought_to_its_end(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    sell(shop.root, "c000,sku-00,2024-04-07 21:00,1,1.0")
    before = aliases(shop.root)
    with monkeypatch.context() as patch, pytest.raises(ShoprecError, match="cut short"):
        patch.setattr(Stages, "move", cut_short)
        refresh(root=shop.root, reason="killed")
    assert aliases(shop.root) == before
    (shop.root / "var" / "refresh-killed").mkdir()
    left = max(int(v.version) for v in shop.client.search_model_versions("name = 'shoprec'"))
    outcome = refresh(root=shop.root, reason="mended")
    assert outcome.version is not None
    assert (outcome.version.number, outcome.version.stage) == (left, "production")
    assert passport_of(shop.root, left).parent == before["champion"] == aliases(shop.root)["previous"]
    assert not list((shop.root / "var").glob("refresh-*"))
    settings = apply_settings(shop.root)
    assert verify_version(settings, left).is_as_written


def cut_short(*_: object, **__: object) -> None:
    raise ShoprecError("cut short")


def test_what_is_outside_the_band_is_rejected_and_told_by_the_exit_code(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sell(shop.root, "c001,sku-01,2024-04-07 21:00,1,1.0")
    before = aliases(shop.root)
    with band(shop.root, 0.0):
        code, out = command(shop.root, monkeypatch, capsys, "--json")
    told = json.loads(out[out.index("{") :])
    assert code == 1
    assert (told["version"]["stage"], told["verdict"]["decision"]) == ("rejected", "reject")
    assert "NDCG@10 on all purchases" in told["version"]["reason"]
    assert aliases(shop.root) == before
    assert ledger_of(shop.root).entries()[-2].change.to_stage == "rejected"
    again = refresh(root=shop.root, reason="once more")
    assert again.version is not None
    assert (again.version.number, again.verdict, again.is_fresh) == (told["version"]["number"], None, False)


@contextmanager
def band(root: Path, share: float) -> Iterator[None]:
    before = (root / "params.yaml").read_text()
    promotion = yaml.safe_load(before)["promotion"] | {"refresh": {"band": {"all": share, "new": share}}}
    change_params(root, root / "params.yaml", promotion=promotion)
    yield
    (root / "params.yaml").write_text(before)


def test_a_later_retrain_is_judged_against_the_refreshed_champion(shop: Shop) -> None:
    """And its state for the same data is the one that a refresh would have made."""
    serving = aliases(shop.root)["champion"]
    outcome = retrain(root=shop.root, reason="a week later")
    assert outcome.verdict is not None
    assert f"(version {outcome.version.number} against {serving}, gate 1 of 52)" in outcome.verdict.reason
    assert passport_of(shop.root, outcome.version.number).parent == serving
    assert_all_agree(registry_of(shop.root), ledger_of(shop.root))


def registry_of(root: Path) -> Any:
    from tasks.registry.registry import Registry

    return Registry(uri_of(root))


def test_without_a_champion_there_is_nothing_to_refresh(toy: Path) -> None:
    with pytest.raises(ShoprecError, match=r"nothing serves, so there is nothing to refresh: `shoprec run`"):
        refresh(root=toy)


@pytest.mark.parametrize(
    ("section", "changed"),
    [
        ("source", {"adapter": "complete_journey"}),
        ("clean", {"require_catalogue": False}),
        ("shop", {"time_zone": "Europe/Berlin"}),
    ],
)
def test_params_that_would_make_other_data_valid_are_refused(toy: Path, section: str, changed: dict[str, Any]) -> None:
    params = load_params(toy / "params.yaml")
    champion = champion_with(params.model_dump(mode="json"))
    refuse_other_data(champion, params)
    other = params.model_copy(update={section: getattr(params, section).model_copy(update=changed)})
    with pytest.raises(ShoprecError, match=rf"params.yaml has another {section} than version 1 .*: retrain"):
        refuse_other_data(champion, other)


def test_the_day_that_the_data_is_read_on_may_differ(toy: Path) -> None:
    params = load_params(toy / "params.yaml")
    champion = champion_with(params.model_dump(mode="json"))
    later = params.source.model_copy(update={"as_of": None})
    refuse_other_data(champion, params.model_copy(update={"source": later}))


def champion_with(params: dict[str, Any]) -> Champion:
    passport = Passport.model_construct(params=params)
    return Champion(Version("shoprec", 1, "production", "", "run"), passport)
