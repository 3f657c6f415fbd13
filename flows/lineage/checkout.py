"""A version's own project, laid out again in a folder: from git its commit, from MLflow its recipe, from DVC's remote
its raw data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from flows.lineage.recipe import FOLDER
from flows.lineage.registered import Registered
from tasks.errors import ShoprecError
from tasks.ingestion.storage import replace_file
from tasks.registry.passport import Passport
from tasks.registry.texts import listed
from tasks.versioning import prepare, reproduce
from tasks.versioning.git import check_out, folder_in_repository, has_commit
from tasks.versioning.process import OnLine
from tasks.versioning.repository import configuration_of_remote, configure, pull
from tasks.versioning.stores import lost_objects


@dataclass(frozen=True)
class Source:
    """What a version was made from, of which nothing is missing."""

    registered: Registered
    commit: str
    remote: Mapping[str, str]
    """As DVC configures it."""

    @property
    def number(self) -> int:
        return self.registered.passport.version


def source_of(root: Path, registered: Registered) -> Source:
    """Raises ShoprecError where its commit or its data are out of reach, or code that it needs was never committed."""
    passport = registered.passport
    commit = commit_of(root, passport)
    return Source(registered, commit, remote_with_data(root, passport.version, registered.from_outside()))


def commit_of(root: Path, passport: Passport) -> str:
    """Raises ShoprecError where what the version was made from cannot be had from git."""
    number = passport.version
    if passport.code is None:
        raise ShoprecError(f"version {number} was made outside git, so its code is nowhere but in the model itself")
    commit = passport.code.commit
    if within := folder_in_repository(root):
        raise ShoprecError(f"the project is the folder {within} of a larger repository; only one of its own is rebuilt")
    match has_commit(root, commit):
        case None:
            raise ShoprecError(f"{root} is not in git, so {commit} cannot be had: run in a clone of the project")
        case False:
            raise ShoprecError(f"git does not have {commit}: `git fetch` it from where version {number} was made")
    if uncommitted := _uncommitted(passport, passport.code.changed):
        raise ShoprecError(
            f"version {number} cannot be rebuilt: it was made with changes that were never committed, in files that"
            f" its stages read: {listed(uncommitted)}"
        )
    return commit


def _uncommitted(passport: Passport, changed: tuple[str, ...]) -> list[str]:
    """Of the changed files those that a stage read, and that were not logged with the recipe."""
    read = [Path(path) for path in passport.inputs]
    return [
        path
        for path in changed
        if f"{FOLDER}/{path}" not in passport.recipe and any(Path(path).is_relative_to(folder) for folder in read)
    ]


def remote_with_data(root: Path, number: int, digests: Mapping[str, str]) -> dict[str, str]:
    """The remote as DVC configures it. Raises ShoprecError where it is a folder that lacks an object.

    Of one that is no folder, DVC says so when it pulls.
    """
    remote = configuration_of_remote(root)
    address = remote.get(f"remote.{remote.get('core.remote')}.url")
    if address is None:
        raise ShoprecError(f"DVC has no remote in {root}, where the data would be: see `dvc remote list`")
    if "://" not in address:
        missing, changed = lost_objects(digests, [Path(address)])
        if missing or changed:
            problems = [*changed, *(f"{path} is not there" for path in missing)]
            raise ShoprecError(f"DVC's remote {address} does not have the data of version {number}: {listed(problems)}")
    return remote


def lay_out(root: Path, source: Source, into: Path, on_line: OnLine) -> None:
    """The commit, the recipe on top of it, and the raw data; of what was made of them, nothing.

    `into`: a folder that is new or empty.
    """
    on_line(f"checking out {source.commit} into {into}")
    check_out(root, source.commit, into)
    for path, content in source.registered.recipe.items():
        replace_file(into / path, content)
    (into / "dvc.lock").unlink(missing_ok=True)  # it knows what was made, and DVC would look for it
    prepare(into)
    configure(into, {**source.remote, "cache.dir": str(into / ".dvc" / "cache")})  # one that is shared may hold results
    pointers = [path for path in source.registered.recipe if path.endswith(".dvc")]
    on_line(f"pulling {', '.join(pointers)}")
    pull(into, pointers, on_line)


def compute(into: Path, stages: Sequence[str], on_line: OnLine) -> None:
    """In this order. Raises ShoprecError where DVC had a result from elsewhere: then nothing would be shown."""
    for stage in stages:
        if reproduce(into, stage, on_line).skipped:
            raise ShoprecError(f"stage '{stage}' was not computed: DVC found its result, see `dvc config --list`")
