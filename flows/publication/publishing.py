"""Readers are switched to other lists, whole or not at all, as plain functions; `flows.recommend` makes Prefect tasks
of them."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from flows.publication.places import mend, places
from flows.publication.plan import Plan
from flows.publication.published import Publication, described
from flows.settings import Settings
from tasks.errors import ShoprecError
from tasks.lock_file import locked
from tasks.params import Params
from tasks.publication.about import About
from tasks.publication.database import PublicationDatabase, Published

if TYPE_CHECKING:
    from flows.publication.lists import Lists
    from tasks.registry.registry import Registry

_SCRATCH = "publish-"


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
        database, into = places(settings, params)
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
