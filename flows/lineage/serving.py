"""A registered model and its rebuild, asked for the lists of all shoppers: each in its own process, by its own code."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from flows.duel import Shipped, lists_of, rebuild
from flows.steps import RANKER, VALID
from tasks.errors import ShoprecError
from tasks.folds import Fold
from tasks.ingestion.valid import Valid
from tasks.registry.passport import Passport
from tasks.schema import USER
from tasks.versioning.process import OnLine

if TYPE_CHECKING:
    from tasks.registry.registry import Registry

DEPTH = 100
"""Items that each shopper is asked for, on each task."""


def served_lists(
    passport: Passport, registry: "Registry", learned: Path, validated: Path, on_line: OnLine
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Of the registered model, and of its rebuild: `task, user_id, item_id, rank`, for every user that the shop knows.

    `learned`: the project that made its ranker, whose code and params make its state; `validated`: the one that made
    the data which that state is of, and gets what is made here. Both are one, but for a refresh.

    Raises ShoprecError where one of them cannot be asked.
    """
    from tasks.registry.artifacts import fetch_model  # takes seconds, so not before it is needed

    folder, valid = validated / "var" / "served", validated / VALID
    folder.mkdir(parents=True, exist_ok=True)
    users, bundled = Valid.read(valid).users[[USER]], folder / "rebuilt"
    shipped = Shipped(learned, learned / "params.yaml", learned / RANKER)
    rebuild(shipped, valid, {bundled: _serve_fold(passport)}, on_line)
    model = fetch_model(registry, passport.version, folder / "registered")
    return (
        lists_of(model.code, model.bundle, users, DEPTH, folder, on_line),
        lists_of(learned, bundled, users, DEPTH, folder, on_line),
    )


def _serve_fold(passport: Passport) -> Fold:
    """As of whose cutoff the registered model knows its shoppers."""
    cut = next((cut for cut in passport.folds if cut.name == "serve"), None)
    if cut is None:
        raise ShoprecError(f"the passport of version {passport.version} names no fold 'serve'")
    return Fold(cut.name, cut.cutoff, cut.end - cut.cutoff)
