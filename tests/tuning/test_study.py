"""Studies on a small shop: they go on, repeat nothing, and know nothing of the test fold."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
import yaml

from tasks.errors import ShoprecError
from tasks.ingestion.valid import Valid
from tasks.params import load_params
from tasks.tuning.search import STUDIES, Search, prepare
from tasks.tuning.space import Space
from tasks.tuning.study import Study, Tried


def search_of(root: Path, folder: Path, data: str = "these events") -> Search:
    params = load_params(root / "params.yaml")
    return prepare(root / "data", params, "new", 2, {"data/valid": data}, folder, lambda _: None)


def tried_in(root: Path, folder: Path, trials: int) -> list[Tried]:
    search = search_of(root, folder)
    search.study.run(search.judge, search.weeks.judged, trials, None, lambda _: None)
    return search.study.tried()


def values(tried: list[Tried]) -> list[dict[str, float]]:
    return [trial.by_week for trial in tried]


@pytest.fixture(scope="module")
def three(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Tried]]:
    """Where a study of three trials is kept, and these. Not to be changed."""
    folder = tmp_path_factory.mktemp("study")
    return folder, tried_in(shop, folder, 3)


def test_the_first_trial_has_the_present_params(shop: Path, three: tuple[Path, list[Tried]]) -> None:
    present = load_params(shop / "params.yaml").ranker.new.model_dump()
    first = three[1][0].settings
    assert first == {name: present[name] for name in first}


def test_a_trial_is_worth_the_mean_of_its_weeks(three: tuple[Path, list[Tried]]) -> None:
    for trial in three[1]:
        assert list(trial.by_week) == ["validation", "train-1"]
        assert trial.value == pytest.approx(np.mean(list(trial.by_week.values())))


def test_a_study_goes_on_where_it_was_left_and_repeats_nothing(
    shop: Path, three: tuple[Path, list[Tried]], tmp_path: Path
) -> None:
    folder = shutil.copytree(three[0], tmp_path / "study")
    assert tried_in(shop, folder, 3) == three[1], "all that was asked for is there"
    found = tried_in(shop, folder, 5)
    assert [trial.number for trial in found] == [0, 1, 2, 3, 4]
    assert found[:3] == three[1]
    assert len({str(trial.settings) for trial in found}) == 5


def test_what_a_kill_left_running_has_failed_and_does_not_count(
    shop: Path, three: tuple[Path, list[Tried]], tmp_path: Path
) -> None:
    folder = shutil.copytree(three[0], tmp_path / "study")
    name = search_of(shop, folder).study.name
    optuna.load_study(study_name=name, storage=f"sqlite:///{folder / STUDIES}").ask()
    assert [trial.state for trial in search_of(shop, folder).study.tried()] == ["complete"] * 3 + ["failed"]
    assert [trial.state for trial in tried_in(shop, folder, 4)] == ["complete"] * 3 + ["failed", "complete"]


def test_ctrl_c_while_a_trial_is_kept_is_ctrl_c_still(
    shop: Path, three: tuple[Path, list[Tried]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = search_of(shop, shutil.copytree(three[0], tmp_path / "study"))
    keep, interrupted = optuna.storages.RDBStorage.set_trial_state_values, []

    def keep_but_once(self: optuna.storages.RDBStorage, *trial: Any, **more: Any) -> bool:
        if not interrupted:
            interrupted.append(trial)
            raise KeyboardInterrupt
        return keep(self, *trial, **more)

    monkeypatch.setattr(optuna.storages.RDBStorage, "set_trial_state_values", keep_but_once)
    with pytest.raises(KeyboardInterrupt):
        search.study.run(search.judge, search.weeks.judged, 4, None, lambda _: None)
    assert [trial.state for trial in search.study.tried()] == [trial.state for trial in three[1]] + ["failed"]


def test_the_test_week_has_no_say(shop: Path, three: tuple[Path, list[Tried]], tmp_path: Path) -> None:
    """Its features and retrievers are gone, and in its events everybody bought something else."""
    root = shutil.copytree(shop, tmp_path / "shop")
    for fold in ("test", "serve"):
        for kind in ("features", "candidates"):
            shutil.rmtree(root / "data" / kind / fold)
    file = root / "data" / "valid" / "events.parquet"
    events = pd.read_parquet(file)
    last = events["timestamp"] >= pd.Timestamp("2024-03-25", tz="UTC")
    assert 0 < last.sum() < len(events)
    events.loc[last, "item_id"] = np.random.default_rng(0).permutation(events.loc[last, "item_id"])
    events.loc[last, "quantity"] = 9
    events.to_parquet(file, index=False)
    assert values(tried_in(root, tmp_path / "study", 2)) == values(three[1][:2])


def test_other_data_is_another_study_and_what_was_made_of_the_old_is_taken_away(
    shop: Path, three: tuple[Path, list[Tried]], tmp_path: Path
) -> None:
    folder = shutil.copytree(three[0], tmp_path / "study")
    before = search_of(shop, folder).study.name
    other = search_of(shop, folder, data="other events").study
    assert other.name != before
    assert other.tried() == []
    assert len(list((folder / "frames").iterdir())) == 1
    assert search_of(shop, folder).study.tried() == three[1], "the study itself is kept"


def test_changed_present_params_are_tried_in_the_study_that_there_is(
    shop: Path, three: tuple[Path, list[Tried]], tmp_path: Path
) -> None:
    folder, root = shutil.copytree(three[0], tmp_path / "study"), shutil.copytree(shop, tmp_path / "shop")
    params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    params["ranker"] = {task: of | {"num_leaves": 15} for task, of in params["ranker"].items()}
    (root / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    found = tried_in(root, folder, 3)
    assert [trial.settings["num_leaves"] for trial in found[::3]] == [31, 15]
    search = search_of(root, folder)
    assert search.study.of_present() == found[3]


def test_a_study_without_a_complete_trial_has_no_best(shop: Path, tmp_path: Path) -> None:
    present = load_params(shop / "params.yaml").ranker.new
    study = Study(tmp_path / STUDIES, "new-1", Space.around(present, 2), present)
    with pytest.raises(ShoprecError, match="study new-1 has no complete trial yet"):
        study.best()


def test_a_broken_file_of_studies_is_named(shop: Path, tmp_path: Path) -> None:
    present = load_params(shop / "params.yaml").ranker.new
    (tmp_path / STUDIES).write_text("no database at all, but a text that is long enough to be taken for one" * 9)
    with pytest.raises(ShoprecError, match=f"{STUDIES} cannot be used .* move it away"):
        Study(tmp_path / STUDIES, "new-1", Space.around(present, 2), present)


def test_a_frame_has_all_users_with_a_label_and_all_their_labels(shop: Path, three: tuple[Path, list[Tried]]) -> None:
    search = search_of(shop, three[0])
    valid = Valid.read(shop / "data" / "valid")
    events = valid.events
    for week in search.weeks.all:
        frame, fold = search.judge.frame_of(week.judged), week.judged
        past = events[events["timestamp"] < fold.cutoff][["user_id", "item_id"]].drop_duplicates()
        bought = events[(events["timestamp"] >= fold.cutoff) & (events["timestamp"] < fold.end)]
        first = bought[["user_id", "item_id"]].drop_duplicates().merge(past, how="left", indicator=True)
        counts = first[first["_merge"] == "left_only"].groupby("user_id").size()
        assert frame.users.to_dict() == counts.to_dict()
        assert (np.bincount(frame.user, frame.label, len(frame.users)) <= frame.users).all()
