"""A version made anew in a folder of its own, from its registry entry, git and DVC's remote alone."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flows.comparing import Compared, compare
from flows.production import open_registry
from flows.recipe import FOLDER
from flows.registered import Registered, read_registered
from flows.settings import Settings
from tasks.errors import ShoprecError
from tasks.ingestion.storage import replace_file
from tasks.registry.passport import Passport
from tasks.registry.texts import listed
from tasks.versioning import prepare, reproduce, stage_order
from tasks.versioning.git import check_out, folder_in_repository, has_commit
from tasks.versioning.process import OnLine
from tasks.versioning.repository import configuration_of_remote, configure, pull
from tasks.versioning.stores import lost_objects


@dataclass(frozen=True)
class Rebuilt:
    version: int
    folder: Path
    comparisons: tuple[Compared, ...]

    @property
    def is_same(self) -> bool:
        """The same recommendations and metrics; what else differs may be why they are not, and decides nothing."""
        return all(compared.same for compared in self.comparisons if compared.decides)


def rebuild_version(settings: Settings, number: int, into: Path, on_line: OnLine) -> Rebuilt:
    """Rebuilds version `number` in the new or empty folder `into`; nothing else is written.

    Raises ShoprecError, before anything is written, where it cannot be: `into` is taken, the version is not what its
    passport says, its commit or its data are out of reach, or code that made a difference was never committed.
    """
    root, into = settings.root, into.resolve()
    refuse_folder(root, into)
    registry = open_registry(settings)
    on_line(f"reading version {number} from the registry")
    registered = read_registered(settings, registry, number)
    commit = commit_of(root, registered.passport)
    remote = remote_with_data(root, registered.from_outside())
    with _left_in(into):
        lay_out(root, registered, commit, remote, into, on_line)
        compute(into, on_line)
        return Rebuilt(number, into, compare(registered, registry, into, on_line))


def refuse_folder(root: Path, into: Path) -> None:
    if into.is_relative_to(root):
        raise ShoprecError(f"{into} lies in the project, which is only read: name a folder outside {root}")
    if into.exists() and not (into.is_dir() and not any(into.iterdir())):
        raise ShoprecError(f"{into} is there, and is no empty folder: name a new one, so that nothing old gets in")


def commit_of(root: Path, passport: Passport) -> str:
    """Raises ShoprecError where what the version was made from cannot be had from git."""
    number = passport.version
    if passport.kind != "retrain":
        raise ShoprecError(f"version {number} is a {passport.kind} of version {passport.parent}: rebuild that one")
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


def remote_with_data(root: Path, digests: Mapping[str, str]) -> dict[str, str]:
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
            raise ShoprecError(f"DVC's remote {address} does not have the version's data: {listed(problems)}")
    return remote


def lay_out(
    root: Path, registered: Registered, commit: str, remote: Mapping[str, str], into: Path, on_line: OnLine
) -> None:
    """The commit, the recipe on top of it, and the raw data; of what was made of them, nothing."""
    on_line(f"checking out {commit} into {into}")
    check_out(root, commit, into)
    for path, content in registered.recipe.items():
        replace_file(into / path, content)
    (into / "dvc.lock").unlink(missing_ok=True)  # it knows what was made, and DVC would look for it
    prepare(into)
    configure(into, {**remote, "cache.dir": str(into / ".dvc" / "cache")})  # one that is shared may hold results
    pointers = [path for path in registered.recipe if path.endswith(".dvc")]
    on_line(f"pulling {', '.join(pointers)}")
    pull(into, pointers, on_line)


def compute(into: Path, on_line: OnLine) -> None:
    """Every stage, in order. Raises ShoprecError where DVC had a result from elsewhere: then nothing would be shown."""
    for stage in stage_order(into / "dvc.yaml"):
        if reproduce(into, stage, on_line).skipped:
            raise ShoprecError(f"stage '{stage}' was not computed: DVC found its result, see `dvc config --list`")


@contextmanager
def _left_in(into: Path) -> Generator[None, None, None]:
    try:
        yield
    except ShoprecError as error:
        if not into.exists():
            raise
        left = f"{into} holds what was made so far, and nothing else was written"
        raise type(error)(f"{error}\n{left}") from error
