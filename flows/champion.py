"""The version that serves, with its passport: what a refresh starts from."""

import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from pydantic import ValidationError

from flows.duel import PARAMS, Shipped, shipped_of
from flows.settings import Settings
from flows.steps import clear_what_was_killed
from tasks.errors import ShoprecError
from tasks.folds import Fold, newest_folds
from tasks.params import Params
from tasks.params.candidates import CandidateParams
from tasks.params.ranker import FoldParams
from tasks.params.shop import ShopParams
from tasks.params.source import SourceParams
from tasks.registry import Version
from tasks.registry.passport import Passport, sha256

if TYPE_CHECKING:
    from tasks.registry.registry import Registry

PIPELINE = "recipe/dvc.yaml"
"""Among the artifacts of a run."""
_DECIDE_WHAT_IS_VALID = ("shop", "source", "clean")
"""Sections of params.yaml."""


@dataclass(frozen=True)
class Champion:
    version: Version
    passport: Passport

    @property
    def as_of(self) -> datetime:
        """The cutoff of its state."""
        return next(cut.cutoff for cut in self.passport.folds if cut.name == "serve")

    @property
    def shop(self) -> ShopParams:
        return ShopParams.model_validate(self.passport.params["shop"])

    @property
    def candidates(self) -> CandidateParams:
        return CandidateParams.model_validate(self.passport.params["candidates"])

    def folds(self, events: pd.DataFrame) -> tuple[Fold, Fold]:
        """The newest whole horizon of the data and the one to serve, as long as those that it was measured on."""
        return newest_folds(events, FoldParams.model_validate(self.passport.params["folds"]), self.shop)


def find_champion(settings: Settings, registry: "Registry", params: Params, who: str) -> Champion:
    """What serves, once all that was cut short is mended.

    Raises ShoprecError where nothing serves, where its passport is not as it was sealed, and where `params` would make
    other data valid than the champion's were.
    """
    from tasks.registry.passports import sealed_passport  # takes seconds, so not before it is needed

    clear_what_was_killed(settings, registry, who)
    version = registry.holder_of("production")
    if version is None:
        raise ShoprecError("nothing serves, so there is nothing to refresh: `shoprec run` makes a version")
    champion = Champion(version, sealed_passport(registry, version))
    refuse_other_data(champion, params)
    return champion


def refuse_other_data(champion: Champion, params: Params) -> None:
    """`source.as_of` may differ: it says when the data is read, not what it is."""
    theirs = champion.passport.params
    try:
        then = Params.model_validate(params.model_dump() | {name: theirs[name] for name in _DECIDE_WHAT_IS_VALID})
        changed = [name for name in _DECIDE_WHAT_IS_VALID if _without_as_of(params, name) != _without_as_of(then, name)]
    except (ValidationError, KeyError):  # of another shoprec
        changed = list(_DECIDE_WHAT_IS_VALID)
    if changed:
        raise ShoprecError(
            f"params.yaml has another {' and '.join(changed)} than version {champion.version.number} was trained with,"
            " so its ranker would get data of another kind: retrain (`shoprec run`), or put that back"
        )


def fetch_champion(registry: "Registry", champion: Champion, scratch: Path) -> Shipped:
    """What it shipped with, and beside its params its dvc.yaml. Raises ShoprecError where its recipe was changed."""
    from tasks.registry.artifacts import fetch_file

    folder, number = Path(tempfile.mkdtemp(dir=scratch, prefix="champion-")), champion.version.number
    shipped = shipped_of(registry, champion.version, folder)
    pipeline = fetch_file(registry, champion.version.run_id, PIPELINE, folder)
    for name, path in ((PARAMS, shipped.params), (PIPELINE, pipeline)):
        if sha256(path.read_bytes()) != champion.passport.recipe.get(name):
            raise ShoprecError(f"{name} of version {number} is not as it was written: see `shoprec verify {number}`")
    return shipped


def _without_as_of(params: Params, section: str) -> Any:
    found = getattr(params, section)
    return found.model_copy(update={"as_of": None}) if isinstance(found, SourceParams) else found
