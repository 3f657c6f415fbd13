"""MLflow: its server or database, where artifacts go, what serves, and the ledger of what served."""

from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

from sqlalchemy.engine import make_url

from flows.doctor.findings import Finding, fail, guarded, not_possible, ok, warn
from flows.doctor.places import why_not_usable, why_not_writable
from flows.one_at_a_time import who_retrains
from flows.settings import Settings
from tasks.addresses import without_password
from tasks.errors import ShoprecError
from tasks.registry import health, standing
from tasks.registry.ledger import Ledger
from tasks.registry.ledger_table import TABLE, address_of
from tasks.registry.registry import Registry
from tasks.registry.stages import Stages

_LIMIT_S = 5
_HELD = "end who holds it (a run in progress holds it for moments only), see that its disk can be written"
_NOTHING_YET = "nothing was registered yet"


@dataclass(frozen=True)
class _Asked:
    finding: Finding
    registry: Registry | None = None
    why_not: str = ""
    """Why there is no registry to ask."""


def mlflow(settings: Settings) -> list[Finding]:
    asked = _ask(settings)
    checks = {"artifacts": _artifacts, "champion": _champion, "ledger": _ledger, "runs": _runs}
    rest = [found for name, check in checks.items() for found in guarded(name, partial(check, asked), settings)]
    return [asked.finding, *rest]


def _ask(settings: Settings) -> _Asked:
    uri = settings.tracking_uri
    where = without_password(uri)
    try:
        found = _server(uri) if settings.artifacts is None else _database(uri)
        if found.outcome in ("fail", "not possible"):
            return _Asked(found, None, _NOTHING_YET if found.outcome == "not possible" else "MLflow cannot be asked")
        registry = health.open_existing(uri)
    except ShoprecError as error:
        mend = "start it, or mend MLFLOW_TRACKING_URI; `make ui` serves the project's own"
        return _Asked(fail("mlflow", f"{where}: {error}", mend), None, "MLflow cannot be asked")
    return _Asked(found, registry, "" if registry else _NOTHING_YET)


def _server(uri: str) -> Finding:
    theirs, own, where = health.server_version(uri, _LIMIT_S), version("mlflow"), without_password(uri)
    if theirs.split(".")[:2] != own.split(".")[:2]:
        return warn("mlflow", f"{where} runs {theirs}, and here is {own}", "install the same version on both")
    return ok("mlflow", f"{where} answers, version {theirs}; here is {own}")


def _database(uri: str) -> Finding:
    where = without_password(uri)
    if not uri.startswith("sqlite"):
        health.refuse_unreachable_database(uri, _LIMIT_S)
        return ok("mlflow", f"{where} answers")
    file = Path(make_url(uri).database or "")
    if not file.exists():
        return not_possible("mlflow", f"{file} is made by the first run")
    if why := why_not_usable(file, "experiments"):
        return fail("mlflow", f"{file}: {why}", f"{_HELD}; if it is no database of MLflow, mend MLFLOW_TRACKING_URI")
    return ok("mlflow", f"{file} can be read and written")


def _artifacts(asked: _Asked, settings: Settings) -> list[Finding]:
    """The experiment's own place; before there is one, where a local run will put it."""
    if asked.registry is not None:
        address = health.artifact_address(asked.registry)
    elif settings.artifacts is not None:
        address = settings.artifacts.as_uri()
    else:
        return [not_possible("artifacts", asked.why_not)]
    where = without_password(address)
    if why := _why_no_artifacts(asked.registry, address):
        return [fail("artifacts", f"{where}: {why}", "give the right to write there, mount or start what it lies on")]
    return [ok("artifacts", f"{where} can be written")]


def _why_no_artifacts(registry: Registry | None, address: str) -> str | None:
    folder = health.folder_at(address)
    if folder is not None or registry is None:
        return why_not_writable(folder or Path(address))
    try:
        health.try_artifacts(registry, address)
    except ShoprecError as error:
        return str(error)
    return None


def _champion(asked: _Asked, _settings: Settings) -> list[Finding]:
    if asked.registry is None:
        return [not_possible("champion", asked.why_not)]
    try:
        number = health.complete_champion(asked.registry)
    except ShoprecError as error:
        return [fail("champion", str(error), "restore the file, or put another version there: shoprec rollback --to N")]
    if number is not None:
        return [ok("champion", f"version {number}, all of its files are there")]
    if not health.has_versions(asked.registry):
        return [not_possible("champion", _NOTHING_YET)]
    mend = "approve a version in MLflow, or name one: shoprec rollback --to N --reason '…'"
    return [warn("champion", "no version has the alias champion, so nothing serves", mend)]


def _ledger(asked: _Asked, settings: Settings) -> list[Finding]:
    address = address_of(settings.ledger)
    where = address.render_as_string(hide_password=True)
    if address.get_backend_name() == "sqlite" and (early := _ledger_file(asked, Path(address.database or ""))):
        return [early]
    ledger = Ledger(settings.ledger)
    misfit = Stages(asked.registry, ledger).check() if asked.registry else ledger.check()
    entries = ledger.entries()
    if misfit is not None:
        told = f"{where} is not as it was written, from entry {misfit.number} on: {misfit.why}"
        return [fail("ledger", told, "restore it from a backup, or set SHOPREC_LEDGER to the right one")]
    if cut := standing.cut_short(entries):
        told = f"{where}: entry {cut.number} was begun and not ended"
        return [warn("ledger", told, "it is being made, or the next command (shoprec review, make run) ends it")]
    return [ok("ledger", f"{where} has {len(entries)} entries, each as it was written")]


def _ledger_file(asked: _Asked, file: Path) -> Finding | None:
    """What there is to say of it before it is read; to open one that is not there would make it."""
    if file.exists() and file.stat().st_size:  # who only looked may have left an empty one
        why = why_not_usable(file, TABLE.name)
        return fail("ledger", f"{file}: {why}", f"{_HELD}; or mend SHOPREC_LEDGER") if why else None
    if asked.registry is not None and health.names_a_ledger(asked.registry):
        told = f"{file} does not exist, and MLflow names entries of it"
        return fail("ledger", told, "restore it, or set SHOPREC_LEDGER to the one that all machines share")
    return not_possible("ledger", f"{file} is made by the first change of stage")


def _runs(asked: _Asked, settings: Settings) -> list[Finding]:
    if asked.registry is None:
        return [not_possible("runs", asked.why_not)]
    left = asked.registry.unended_runs()
    if not left:
        return [ok("runs", "every run in MLflow says how it ended")]
    if who_retrains(settings.var):
        return [ok("runs", f"{len(left)} at work, with the retrain")]
    told = f"{len(left)} in MLflow that never ended, and no retrain is at work here: {left[0]}"
    return [warn("runs", told, "one on another machine ends by itself; else it was killed, and make run ends it")]
