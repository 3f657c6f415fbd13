"""Whether a version is what its passport says: everything that can be recomputed is, and compared."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flows.lineage.checked import Checked, differences, judged
from flows.lineage.sealed import LoggedRun, digests_of_passport
from flows.lineage.shown import checks_of_run
from flows.production import open_registry
from flows.settings import Settings
from tasks.errors import ShoprecError
from tasks.registry.ledger import Ledger
from tasks.registry.passport import Passport, read_passport, sha256
from tasks.registry.texts import listed
from tasks.versioning.git import has_commit
from tasks.versioning.stores import lost_objects, stores

if TYPE_CHECKING:
    from tasks.registry.registry import Registry
    from tasks.registry.stages import Stages


@dataclass(frozen=True)
class Verified:
    version: int
    checks: tuple[Checked, ...]

    @property
    def is_as_written(self) -> bool:
        """What could not be checked counts for nothing, either way."""
        return all(check.outcome != "fail" for check in self.checks)


def verify_version(settings: Settings, number: int | None) -> Verified:
    """Of version `number`, or else the one that serves. Raises ShoprecError where there is none."""
    registry = open_registry(settings)
    from tasks.registry.stages import Stages

    stages = Stages(registry, Ledger(settings.ledger))
    version = registry.holder_of("production") if number is None else registry.version(number)
    if version is None:
        raise ShoprecError("no version serves: name the one to verify, `shoprec verify 1`")
    with tempfile.TemporaryDirectory(prefix="verify-") as folder:
        run = LoggedRun(registry, version.run_id, Path(folder))
        seal, passport = _passport(registry, stages, version.number, run)
        checks = [seal, _ledger(stages)]
        if passport is not None:
            checks += [
                _tags(registry, passport),
                _model(registry, passport),
                *checks_of_run(registry, run.run_id, passport),
                _data(settings.root, passport),
                _commit(settings.root, passport),
            ]
    return Verified(version.number, tuple(checks))


def _passport(registry: "Registry", stages: "Stages", number: int, run: LoggedRun) -> tuple[Checked, Passport | None]:
    """The passport only where it is the one that was sealed: nothing can be held against another."""
    from tasks.registry.passports import FILE

    told = digests_of_passport(registry, stages, number)
    content = run.content(FILE)
    if content is None and not any(told.values()):
        why = "it has none: it was registered by an older shoprec, or is not judged yet"
        return Checked("passport", "not possible", why), None
    if content is None:
        return Checked("passport", "fail", f"{FILE} is gone from run {run.run_id}"), None
    digest = sha256(content)
    problems = [f"{place} says {said or 'nothing'}" for place, said in told.items() if said != digest]
    if problems:
        problems.append(f"{FILE} has SHA-256 {digest}")
    passport = read_passport(content) if digest in told.values() else None
    return judged("passport", problems, f"SHA-256 {digest}, as in tag and ledger"), passport


def _ledger(stages: "Stages") -> Checked:
    misfit = stages.check()
    problems = [] if misfit is None else [f"entry {misfit.number}: {misfit.why}"]
    return judged("ledger", problems, "every entry is as it was written")


def _tags(registry: "Registry", passport: Passport) -> Checked:
    from tasks.registry.passports import tags_of

    now, wanted = tags_of(registry, passport.version), passport.tags()
    problems = [
        f"{name} is {now.get(name)!r}, was {value!r}" for name, value in wanted.items() if now.get(name) != value
    ]
    return judged("tags", problems, "as in the passport: " + ", ".join(wanted))


def _model(registry: "Registry", passport: Passport) -> Checked:
    from tasks.registry.passports import model_digests

    problems = differences(passport.model, model_digests(registry, passport.version))
    return judged("model", problems, f"all {len(passport.model)} files, and no other")


def _data(root: Path, passport: Passport) -> Checked:
    """All that DVC keeps; what else a stage read (code, settings) is told by the commit and the recipe."""
    places = stores(root)
    folders = {store.name: store.folder for store in places if store.folder is not None}
    missing, changed = lost_objects(passport.outputs, list(folders.values()))
    unread = [f"{store.name} at {store.address} is no folder: `dvc status --cloud` asks it" for store in places[1:]]
    unread = [] if len(folders) == len(places) else unread
    if missing and unread and not changed:
        return Checked("data", "not possible", f"not in the cache: {listed(missing)}; {unread[0]}")
    problems = changed + [f"{path} is nowhere ({', '.join(folders)})" for path in missing]
    read = f"{len(passport.outputs)} paths, each object with its MD5 in {', '.join(folders)}"
    return judged("data", problems, "; ".join([read, *unread]))


def _commit(root: Path, passport: Passport) -> Checked:
    if passport.code is None:
        return Checked("commit", "not possible", "it was made outside git")
    known, commit = has_commit(root, passport.code.commit), passport.code.commit
    if known is None:
        return Checked("commit", "not possible", f"{root} is not in git, so {commit} cannot be looked up")
    changed = passport.code.changed
    beside = f"; with changes in {listed(changed)}" if changed else ", with nothing changed"
    return judged("commit", [] if known else [f"git does not have {commit}"], f"{commit}{beside}")
