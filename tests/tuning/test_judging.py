"""NDCG@10 of scored candidates by hand, and the order in time of what a week is tried with."""

import json
from datetime import UTC, datetime, timedelta
from math import log2
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.errors import ParamsError
from tasks.folds import Fold
from tasks.tuning.frames import FoldFrame
from tasks.tuning.judging import ndcg_of
from tasks.tuning.weeks import Weeks


def frame(folder: Path) -> FoldFrame:
    """Ann has three candidates, two of them relevant and one relevant item that is no candidate; Bob has no candidate;
    Cid has two of the same score, the second of them relevant."""
    np.save(folder / "matrix.npy", np.zeros((5, 1), np.float32))
    label = np.array([True, False, True, False, True])
    np.savez(folder / "rows.npz", label=label, user=np.array([0, 0, 0, 2, 2]))
    users = pd.DataFrame({"user_id": ["ann", "bob", "cid"], "relevant": [3, 1, 1]})
    users.to_parquet(folder / "users.parquet", index=False)
    (folder / "names.json").write_text(json.dumps({"names": ["x"], "categorical": []}))
    return FoldFrame(folder)


def test_ndcg_by_hand(tmp_path: Path) -> None:
    found = ndcg_of(frame(tmp_path), np.array([0.1, 0.9, 0.5, 0.3, 0.3]))
    ideal = 1 + 1 / log2(3) + 1 / log2(4)
    assert found.to_dict() == pytest.approx(
        {"ann": (1 / log2(3) + 1 / log2(4)) / ideal, "bob": 0.0, "cid": 1 / log2(3)}
    )


def folds(train: int) -> list[Fold]:
    names = [*(f"train-{n}" for n in range(train, 0, -1)), "validation", "test", "serve"]
    week = timedelta(days=7)
    return [Fold(name, datetime(2024, 1, 1, tzinfo=UTC) + n * week, week) for n, name in enumerate(names)]


@pytest.mark.parametrize(("train", "wanted"), [(3, 2), (4, 2), (8, 2), (8, 5)])
def test_all_that_is_learned_from_ends_before_the_week_to_stop_on_and_that_before_the_judged_one(
    train: int, wanted: int
) -> None:
    found = Weeks.of(folds(train), wanted)
    assert [week.name for week in found.judged] == ["validation", "train-1", "train-2", "train-3", "train-4"][:wanted]
    for week in found.all:
        assert all(fold.end <= week.stop.cutoff for fold in week.learn)
        assert week.stop.end <= week.judged.cutoff
    assert {fold.kind for fold in found.folds} == {"train", "validation"}
    assert (found.aside is None) == (train == wanted + 1)
    assert found.aside not in found.judged


def test_too_few_folds_are_refused_with_how_many_it_takes() -> None:
    with pytest.raises(ParamsError, match=r"folds.train is 2, but to judge settings on 2 weeks.* takes 3 or more"):
        Weeks.of(folds(2), 2)
