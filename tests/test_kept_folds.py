import json
from pathlib import Path

import pandas as pd
import pytest

from tasks.kept_folds import MADE_FROM, KeptFolds, Rows, digest, digest_of_code

WEEK = {"train-1": "a", "test": "b", "serve": "c"}
NEXT = {"train-1": "b", "test": "c", "serve": "d"}


def fill(out: Path, wanted: dict[str, str]) -> list[str]:
    """The folds that were made; each has its digest as content."""
    with KeptFolds(out, wanted) as kept:
        missing = kept.missing()
        for name in missing:
            make(kept, name, wanted[name])
    return missing


def make(kept: KeptFolds, name: str, content: str) -> None:
    (kept.scratch / name).mkdir()
    (kept.scratch / name / "table").write_text(content)
    kept.add(name, kept.scratch / name)


def content(out: Path) -> dict[str, str]:
    return {path.parent.relative_to(out).as_posix(): path.read_text() for path in out.rglob("table")}


def test_a_week_later_folds_have_other_names_and_only_the_newest_is_made(tmp_path: Path) -> None:
    assert fill(tmp_path, WEEK) == ["train-1", "test", "serve"]
    assert fill(tmp_path, NEXT) == ["serve"]
    assert content(tmp_path) == NEXT
    assert {path.name for path in tmp_path.iterdir()} == {*NEXT, MADE_FROM}


def test_nothing_is_made_where_nothing_changed(tmp_path: Path) -> None:
    fill(tmp_path, WEEK)
    before = (tmp_path / MADE_FROM).read_bytes()
    assert fill(tmp_path, WEEK) == []
    assert (tmp_path / MADE_FROM).read_bytes() == before


def test_a_folder_that_the_list_does_not_name_is_no_fold(tmp_path: Path) -> None:
    fill(tmp_path, WEEK)
    (tmp_path / "train-2").mkdir()
    (tmp_path / "train-2" / "table").write_text("b")
    (tmp_path / MADE_FROM).unlink()
    assert fill(tmp_path, WEEK) == ["train-1", "test", "serve"]
    assert "train-2" not in content(tmp_path)


def test_a_fold_that_is_gone_is_made_again(tmp_path: Path) -> None:
    fill(tmp_path, WEEK)
    (tmp_path / "test" / "table").unlink()
    (tmp_path / "test").rmdir()
    assert fill(tmp_path, WEEK) == ["test"]


@pytest.mark.parametrize("harm", ["changed", "cut", "gone", "more"])
def test_a_fold_that_was_damaged_since_is_made_again(tmp_path: Path, harm: str) -> None:
    fill(tmp_path, WEEK)
    table = tmp_path / "test" / "table"
    if harm == "gone":
        table.unlink()
    elif harm == "more":
        (tmp_path / "test" / "other").write_text("b")
    else:
        table.write_text({"changed": "x", "cut": ""}[harm])
    assert fill(tmp_path, NEXT) == ["train-1", "serve"]
    assert content(tmp_path) == NEXT
    assert not (tmp_path / "train-1" / "other").exists()


def test_a_list_that_does_not_say_what_its_folds_hold_keeps_none(tmp_path: Path) -> None:
    fill(tmp_path, WEEK)
    (tmp_path / MADE_FROM).write_text(json.dumps(WEEK))
    assert fill(tmp_path, WEEK) == ["train-1", "test", "serve"]


class Killed(BaseException):
    pass


def test_a_run_that_dies_leaves_its_whole_folds_and_none_that_is_half_made(tmp_path: Path) -> None:
    fill(tmp_path, WEEK)
    with pytest.raises(Killed), KeptFolds(tmp_path, NEXT | {"serve": "e", "more": "d"}) as kept:
        make(kept, "more", "d")
        (kept.scratch / "serve").mkdir()
        (kept.scratch / "serve" / "table").write_text("half")
        raise Killed
    assert fill(tmp_path, NEXT | {"serve": "e", "more": "d"}) == ["serve"]
    assert content(tmp_path) == NEXT | {"serve": "e", "more": "d"}


def test_a_kept_fold_can_be_read_while_another_is_made_of_it(tmp_path: Path) -> None:
    fill(tmp_path, WEEK)
    with KeptFolds(tmp_path, {"train-1": "b'", "test": "c"}) as kept:
        make(kept, "train-1", (kept.place("b") / "table").read_text() + "'")
    assert content(tmp_path) == {"train-1": "b'", "test": "c"}


EVENTS = pd.DataFrame({"item": [1, 2, 3], "value": [0.5, 1.5, 2.5], "kind": pd.Categorical(["view", "buy", "buy"])})
PAST = EVENTS["item"].to_numpy() < 3


def test_rows_that_are_not_asked_for_change_nothing() -> None:
    later = EVENTS.assign(value=[0.5, 1.5, 99.0])
    assert Rows(later).digest(PAST) == Rows(EVENTS).digest(PAST)
    more = pd.concat([EVENTS, EVENTS.tail(1)], ignore_index=True).astype({"kind": "category"})
    assert Rows(more).digest(more["item"].to_numpy() < 3) == Rows(EVENTS).digest(PAST)


@pytest.mark.parametrize(
    "changed",
    [
        EVENTS.assign(value=[0.5, 1.25, 2.5]),
        EVENTS.assign(kind=pd.Categorical(["buy", "buy", "buy"])),
        EVENTS.iloc[[1, 0, 2]],
        EVENTS.astype({"item": "int32"}),
        EVENTS.rename(columns={"value": "price"}),
    ],
    ids=["value", "category", "order", "type", "name"],
)
def test_whatever_a_fold_could_tell_apart_is_told_apart(changed: pd.DataFrame) -> None:
    assert Rows(changed).digest(PAST) != Rows(EVENTS).digest(PAST)


def test_a_digest_tells_its_parts_apart() -> None:
    assert digest("a", "bc") != digest("ab", "c")
    assert digest({"x": 1, "y": 2}) == digest({"y": 2, "x": 1})


def test_the_digest_of_code_changes_with_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    without = digest_of_code(["features", "folds.py"], lock)
    lock.write_text("numpy==2")
    assert without != digest_of_code(["features", "folds.py"], lock)
    assert digest_of_code(["folds.py", "features"], lock) == digest_of_code(["features", "folds.py"], lock)
    assert digest_of_code(["features"], lock) != digest_of_code(["features", "folds.py"], lock)
