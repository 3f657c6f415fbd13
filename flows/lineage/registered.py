"""All of a version that it can be rebuilt from and held against, each part as its passport says."""

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flows.lineage.checked import differences
from flows.lineage.recipe import FOLDER
from flows.lineage.sealed import LoggedRun, digests_of_passport
from flows.settings import Settings
from tasks.errors import ShoprecError, TransientError
from tasks.registry.ledger import Ledger
from tasks.registry.passport import Passport, read_passport, sha256
from tasks.registry.texts import listed

if TYPE_CHECKING:
    from tasks.registry.registry import Registry
    from tasks.registry.stages import Stages

LISTS = "test_lists.parquet"
"""In reports/, and in evaluation/ among the run's artifacts."""


@dataclass(frozen=True)
class Registered:
    passport: Passport
    recipe: Mapping[str, bytes]
    """Content by path in the project."""
    lists: bytes
    """Of the test week, as they were evaluated; Parquet."""

    def from_outside(self) -> dict[str, str]:
        """Path to DVC's hash of what no stage made: a pointer among the recipe stands for it."""
        return {path: digest for path, digest in self.passport.outputs.items() if f"{path}.dvc" in self.recipe}


def read_registered(settings: Settings, registry: "Registry", number: int) -> Registered:
    """Raises ShoprecError where a part of it is missing, or is not what the passport says.

    A ledger that does not know the version is no fault: on another machine there may be none.
    """
    from tasks.registry.stages import Stages

    version = registry.version(number)
    with tempfile.TemporaryDirectory(prefix="registered-") as folder:
        run = LoggedRun(registry, version.run_id, Path(folder))
        passport = _sealed(registry, Stages(registry, Ledger(settings.ledger)), number, run)
        recipe = {path: content for path in passport.recipe if (content := run.content(path)) is not None}
        lists = run.content(f"evaluation/{LISTS}")
    _refuse_changed(registry, passport, recipe, lists)
    return Registered(passport, {p.removeprefix(f"{FOLDER}/"): c for p, c in recipe.items()}, lists or b"")


def read_learned(settings: Settings, registry: "Registry", registered: Registered) -> Registered:
    """The version as which its ranker was learned: itself, unless it is a refresh.

    Of the refreshes between the passports alone are read. Raises ShoprecError as `read_registered` does.
    """
    if registered.passport.kind != "refresh":
        return registered
    try:
        passport = learned_passport(registry, registered.passport)
        return read_registered(settings, registry, passport.version)
    except TransientError:
        raise
    except ShoprecError as error:
        number = registered.passport.version
        raise ShoprecError(
            f"version {number} is a refresh, so the version that learned its ranker is made again first, and that"
            f" cannot be read: {error}"
        ) from error


def learned_passport(registry: "Registry", passport: Passport) -> Passport:
    """Of the version as which its ranker was learned. Raises ShoprecError where one on the way cannot be read."""
    from tasks.registry.passports import sealed_passport  # takes seconds, so not before it is needed

    while passport.kind == "refresh":
        passport = sealed_passport(registry, registry.version(_parent_of(passport)))
    return passport


def _parent_of(passport: Passport) -> int:
    if passport.parent is None or passport.parent >= passport.version:
        raise ShoprecError(
            f"the passport of version {passport.version} names version {passport.parent} as the one that was refreshed,"
            " which is none before it: it was made by something else than shoprec"
        )
    return passport.parent


def _sealed(registry: "Registry", stages: "Stages", number: int, run: LoggedRun) -> Passport:
    from tasks.registry.passports import DIGEST, FILE

    told, content = digests_of_passport(registry, stages, number), run.content(FILE)
    if content is None:
        raise ShoprecError(
            f"version {number} has no passport, which says what it was made from: it was registered by an older"
            f" shoprec, is not judged yet, or lost its {FILE}; `shoprec verify {number}` tells which"
        )
    digest = sha256(content)
    others = [f"{place} says {said}" for place, said in told.items() if said not in (None, digest)]
    if told[f"the tag {DIGEST}"] is None:
        others.append(f"the tag {DIGEST} is gone")
    if others:
        raise ShoprecError(
            f"the passport of version {number} is not the one that was sealed: {'; '.join(others)}, and {FILE} has"
            f" SHA-256 {digest}; restore it in MLflow"
        )
    return read_passport(content)


def _refuse_changed(registry: "Registry", passport: Passport, recipe: Mapping[str, bytes], lists: bytes | None) -> None:
    from tasks.registry.passports import model_digests

    evaluated = passport.outputs.get(f"reports/{LISTS}")
    now = {} if lists is None else {LISTS: hashlib.md5(lists, usedforsecurity=False).hexdigest()}
    problems = [
        *differences(passport.recipe, {path: sha256(content) for path, content in recipe.items()}),
        *differences({LISTS: evaluated} if evaluated else {}, now),
        *differences(passport.model, model_digests(registry, passport.version)),
    ]
    if problems:
        raise ShoprecError(
            f"what MLflow keeps of version {passport.version} is not what its passport says, so a rebuild could not be"
            f" held against it: {listed(problems)}; restore it there"
        )
