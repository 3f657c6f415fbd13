"""What is in production, and taking it back: plain functions, for the command and for flows.

None of it imports prefect, which takes seconds that nobody has at night.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flows.settings import Settings
from tasks.errors import ShoprecError, TransientError
from tasks.registry import standing
from tasks.registry.entries import Entry
from tasks.registry.ledger import Ledger, Misfit
from tasks.registry.standing import Served
from tasks.registry.texts import listed
from tasks.registry.versions import Version
from tasks.versioning.stores import Store, missing_objects, stores

if TYPE_CHECKING:
    from tasks.registry.registry import Registry
    from tasks.registry.stages import Stages

_SQLITE = "sqlite:///"
Places = Callable[[], list[Store]]


@dataclass(frozen=True)
class History:
    entries: list[Entry]
    """Of the ledger, the oldest first."""
    times: list[Served]
    """In production, the oldest first."""
    serving: Served | None
    misfit: Misfit | None
    unreachable: str
    """Why MLflow could not be asked, so that all this is what the ledger says; empty where it could."""


def open_registry(settings: Settings) -> "Registry":
    """Raises ShoprecError where nothing was ever registered: an empty registry would be made otherwise."""
    if settings.tracking_uri.startswith(_SQLITE) and not Path(settings.tracking_uri.removeprefix(_SQLITE)).exists():
        raise ShoprecError(
            f"there is no registry at {settings.tracking_uri}: run in the project's folder, or name it with --root;"
            " `make run` registers the first version"
        )
    from tasks.registry.registry import Registry  # takes seconds, so not before it is needed

    return Registry(settings.tracking_uri, settings.artifacts)


def open_stages(settings: Settings) -> "Stages":
    """Raises ShoprecError where nothing was ever registered."""
    return stages_of(settings, open_registry(settings))


def stages_of(settings: Settings, registry: "Registry", places: Places | None = None) -> "Stages":
    """With them nothing comes to serve whose data is lost from `places`: those of the project, where None."""
    from tasks.registry.stages import Stages

    look = places or (lambda: stores(settings.root))
    return Stages(registry, Ledger(settings.ledger), lambda version: refuse_lost_data(registry, version, look))


def refuse_lost_data(registry: "Registry", version: Version, look: Places) -> None:
    """Raises ShoprecError where an object that its passport names is neither in DVC's cache nor in its remote.

    Of a remote that is no folder nothing is known; nor of a version that an older shoprec made without a passport.
    """
    from tasks.registry.passports import DIGEST, sealed_passport, tags_of

    if DIGEST not in tags_of(registry, version.number):
        return
    outputs, places = sealed_passport(registry, version).outputs, look()
    if all(store.folder is not None for store in places):
        missing = missing_objects(outputs, [store.folder for store in places if store.folder is not None])
        if missing:
            raise ShoprecError(
                f"{version.name} version {version.number} cannot be made again, for its data is gone from"
                f" {' and '.join(f'{store.name} ({store.address})' for store in places)}: {listed(missing, longest=3)};"
                " what serves was left as it is. Restore these files there, or name another version"
            )


def roll_back(settings: Settings, to: int | None, why: str, who: str) -> Served:
    """Puts version `to`, or else the one that served before, in production; see `Stages.rollback`.

    What it did is told by the ledger: MLflow may be away by now, and the same call again would be refused.
    """
    with ThreadPoolExecutor(max_workers=1) as beside:
        places = beside.submit(stores, settings.root)  # asks DVC, which takes as long as importing MLflow does
        stages_of(settings, open_registry(settings), places.result).rollback(to, why, who)
    return standing.served(standing.made(Ledger(settings.ledger).entries()))[-1]


def read_history(settings: Settings) -> History:
    """From ledger and MLflow; from the ledger alone where MLflow does not answer."""
    ledger = Ledger(settings.ledger)
    try:
        stages = open_stages(settings)
        return History(ledger.entries(), stages.history(), stages.serving(), stages.check(), "")
    except TransientError as error:
        entries = ledger.entries()
        times = standing.served(standing.made(entries))
        serving = times[-1] if times and times[-1].until is None else None
        return History(entries, times, serving, ledger.check(), str(error))
