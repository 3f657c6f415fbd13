"""What a publication is to be made from: what serves, and the data as it is now."""

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from flows.publication.places import has, mend, places
from flows.publication.published import Publication
from flows.settings import Settings
from tasks.errors import ShoprecError
from tasks.ingestion.suites import load_suite
from tasks.params import Params
from tasks.publication.about import IdKind
from tasks.publication.database import Published
from tasks.publication.folder import PublicationFolder
from tasks.schema import RECOMMENDATIONS

if TYPE_CHECKING:
    from tasks.registry.registry import Registry


@dataclass(frozen=True)
class Plan:
    """What is to be published, and what it is made from."""

    number: int
    version: int
    as_of: datetime
    fingerprint: str
    params: Params
    code: Path
    bundle: Path
    events: Path
    """Valid ones, as they were when the plan was made."""
    items: Path | None
    """The shop's catalogue likewise; None: it has none."""
    suite: Path
    user_ids: IdKind
    scratch: Path
    into: PublicationFolder


def plan_publication(
    settings: Settings, registry: "Registry", params: Params, scratch: Path, again: bool
) -> Plan | Publication:
    """The champion, downloaded, and the data beside it; or what is published already, where there is nothing new.

    What somebody went back from is not published once more unless `again` says so.
    """
    from tasks.registry.artifacts import fetch_model  # takes seconds, so not before it is needed
    from tasks.registry.passports import sealed_passport

    database, into = places(settings, params)
    mend(database, into)
    version = registry.holder_of("production")
    if version is None:
        raise ShoprecError("nothing serves, so there is nothing to publish: `shoprec run` makes a version")
    passport = sealed_passport(registry, version)
    as_of = next(cut.cutoff for cut in passport.folds if cut.name == "serve").astimezone(UTC)
    suite, data = settings.root / "expectations" / "recommendations.json", _snapshot(settings, scratch)
    load_suite(RECOMMENDATIONS, suite)  # that it cannot be read is told before lists are made
    told = {
        "version": version.number,
        "model": dict(passport.model),
        "params": params.publication.model_dump(mode="json"),
        "files": [_sha256(path) for path in (suite, *data) if path is not None],
    }
    fingerprint = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    before = database.publications()
    if not again and (known := _nothing_new(before, into, fingerprint)):
        return known
    shutil.rmtree(scratch / "model", ignore_errors=True)  # of an earlier try
    model = fetch_model(registry, version.number, scratch / "model")
    return Plan(
        number=max([0, *(one.id for one in before), *into.numbers()]) + 1,
        version=version.number,
        as_of=as_of,
        fingerprint=fingerprint,
        params=params,
        code=model.code,
        bundle=model.bundle,
        events=data[0],
        items=data[1],
        suite=suite,
        user_ids="integer" if model.integer_users else "text",
        scratch=scratch,
        into=into,
    )


def _nothing_new(known: list[Published], into: PublicationFolder, fingerprint: str) -> Publication | None:
    same = [one for one in known if one.fingerprint == fingerprint]
    current = next((one for one in known if one.state == "current"), None)
    if current in same and into.current() == current.id and has(into, current):
        return Publication.known(current, "the same lists are published already")
    withdrawn = next((one for one in same if one.state == "withdrawn"), None)
    if withdrawn is not None and current is not None:
        told = f"these lists were published as {withdrawn.id} and gone back from; --again publishes them all the same"
        return Publication.known(current, told)
    return None


def _snapshot(settings: Settings, scratch: Path) -> tuple[Path, Path | None]:
    """Events and items as they are now: a retrain may replace them while lists are made."""
    valid, taken = settings.root / "data" / "valid", []
    for name in ("events", "items"):
        of, to = valid / f"{name}.parquet", scratch / f"{name}.parquet"
        to.unlink(missing_ok=True)
        if of.exists():
            try:
                os.link(of, to)
            except OSError:  # on another disk
                shutil.copy(of, to)
        taken.append(to if of.exists() else None)
    if taken[0] is None:
        raise ShoprecError(f"there are no events in {valid}: `shoprec refresh` or `shoprec run` makes them")
    return taken[0], taken[1]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
