"""Lists for all active shoppers from what serves, published whole or not at all: plain functions; `flows.recommend`
makes Prefect tasks of them.

The database is the one that says which publication is current; the link in the folder follows it. So what was cut
short between the two is brought to its end by the next publication.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from flows.published import Publication, described
from flows.settings import Settings
from tasks.errors import ShoprecError
from tasks.ingestion.suites import load_suite
from tasks.lock_file import locked
from tasks.params import Params
from tasks.publication.about import About, IdKind
from tasks.publication.database import PublicationDatabase, Published
from tasks.publication.folder import PublicationFolder
from tasks.schema import RECOMMENDATIONS

if TYPE_CHECKING:
    from flows.publishing_lists import Lists
    from tasks.registry.registry import Registry

_SCRATCH = "publish-"


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


@contextmanager
def only_publication(settings: Settings, reason: str, wait_minutes: int = 0) -> Iterator[Path]:
    """A scratch folder for the one publication at a time. Raises ShoprecError, naming who is at work, where somebody
    still is."""

    def busy(holder: str) -> ShoprecError:
        waited = f", and did not end in {wait_minutes} minutes" if wait_minutes else ""
        return ShoprecError(f"{holder} publishes in {settings.root} already{waited}: wait for it to end, or stop it")

    lock: AbstractContextManager[None] = locked(settings.var / "publish", reason, busy, wait_s=60.0 * wait_minutes)
    with lock:
        for left in settings.var.glob(f"{_SCRATCH}*/"):  # of one that was killed
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=settings.var, prefix=_SCRATCH) as scratch:
            yield Path(scratch)


def plan_publication(
    settings: Settings, registry: "Registry", params: Params, scratch: Path, again: bool
) -> Plan | Publication:
    """The champion, downloaded, and the data beside it; or what is published already, where there is nothing new.

    What somebody went back from is not published once more unless `again` says so.
    """
    from tasks.registry.artifacts import fetch_model  # takes seconds, so not before it is needed
    from tasks.registry.passports import sealed_passport

    database, into = _places(settings, params)
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


def show_to_readers(
    settings: Settings, registry: "Registry", plan: Plan, lists: "Lists", who: str, why: str
) -> Publication:
    """Switches readers to the checked lists, in both places; a second time it does nothing.

    Raises ShoprecError where another version serves by now.
    """
    serving, params = registry.holder_of("production"), plan.params.publication
    if serving is None or serving.number != plan.version:
        now = "no version serves" if serving is None else f"version {serving.number} serves"
        raise ShoprecError(
            f"{now} since the lists of version {plan.version} were begun: nothing was published; run again"
        )
    database, before = PublicationDatabase(settings.publications), plan.into.current()
    about = _settled(plan, lists)
    found = described(about, lists.facts, plan.into, before)
    database.publish(about, plan.into.of(plan.number), who, why)
    plan.into.point_at(plan.number)
    plan.into.drop(database.drop_old(params.keep))
    return found


def go_back(settings: Settings, params: Params, who: str, why: str) -> Published:
    """Readers read the publication before the current one again, in both places; returns it.

    Raises ShoprecError where there is none, or its files are not as they were published.
    """
    if not why.strip():
        raise ShoprecError("say why readers are to go back, with --reason: the table publication_changes keeps it")
    with only_publication(settings, f"back: {why}"):
        database, into = _places(settings, params)
        mend(database, into)
        known = database.publications()
        current = next((one for one in known if one.state == "current"), None)
        if current is None:
            raise ShoprecError(f"nothing is published at {database.name}: `shoprec publish` does it")
        to = next((one for one in reversed(known) if one.state == "previous" and one.id < current.id), None)
        if to is None:
            raise ShoprecError(
                f"publication {current.id} is current, and there is none before it that one can go back to:"
                f" publication.keep is {params.publication.keep}; `shoprec rollback` puts another version in"
                " production, and `shoprec publish` publishes that"
            )
        if not to.is_told_by(into.read(to.id)):
            raise ShoprecError(
                f"the files in {into.of(to.id)} are not those of publication {to.id} at {database.name}, which another"
                " machine or project published: go back there, or run `shoprec publish --again`"
            )
        database.go_back(to.id, who, why)
        into.point_at(to.id)
        return next(one for one in database.publications() if one.id == to.id)


def mend(database: PublicationDatabase, into: PublicationFolder) -> None:
    """Brings to its end what was cut short: nothing half written stays, and the folder shows what the database does."""
    into.clear()
    known, shown = database.publications(), into.current()
    begun_last = max([shown or 0, *(one.id for one in known)])
    into.drop([number for number in into.numbers() if number > begun_last])
    current = next((one for one in known if one.state == "current"), None)
    if current is not None and current.id != shown and _has(into, current):
        into.point_at(current.id)


def _has(into: PublicationFolder, one: Published) -> bool:
    return into.is_whole(one.id) and one.is_told_by(About.read(into.of(one.id)))


def _places(settings: Settings, params: Params) -> tuple[PublicationDatabase, PublicationFolder]:
    return PublicationDatabase(settings.publications), PublicationFolder(settings.root / params.publication.folder)


def _nothing_new(known: list[Published], into: PublicationFolder, fingerprint: str) -> Publication | None:
    same = [one for one in known if one.fingerprint == fingerprint]
    current = next((one for one in known if one.state == "current"), None)
    if current in same and into.current() == current.id and _has(into, current):
        return Publication.known(current, "the same lists are published already")
    withdrawn = next((one for one in same if one.state == "withdrawn"), None)
    if withdrawn is not None and current is not None:
        told = f"these lists were published as {withdrawn.id} and gone back from; --again publishes them all the same"
        return Publication.known(current, told)
    return None


def _settled(plan: Plan, lists: "Lists") -> About:
    place, new = plan.into.of(plan.number), lists.folder
    if place.exists():  # by an earlier try
        return About.read(place)
    publication = plan.params.publication
    about = About(
        id=plan.number,
        version=plan.version,
        published_at=datetime.now(UTC),
        as_of=plan.as_of,
        k=publication.k,
        tasks=publication.tasks,
        users=lists.facts.users,
        user_ids=plan.user_ids,
        item_ids=lists.item_ids,
        fingerprint=plan.fingerprint,
        files={},
    ).written_to(new)
    plan.into.settle(plan.number)
    return about


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
