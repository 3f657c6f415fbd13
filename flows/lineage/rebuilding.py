"""A version made anew in a folder of its own, from registry entries, git and DVC's remote alone."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flows.lineage.checkout import Source, compute, lay_out, source_of
from flows.lineage.comparing import Compared, compare, compare_refreshed
from flows.lineage.registered import read_learned, read_registered
from flows.production import open_registry
from flows.refreshing import STAGES
from flows.settings import Settings
from tasks.errors import ShoprecError
from tasks.versioning import stage_order
from tasks.versioning.process import OnLine

if TYPE_CHECKING:
    from tasks.registry.registry import Registry


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

    Of a refresh the version as which its ranker was learned is rebuilt first; each has a folder in `into` then.

    Raises ShoprecError, before anything is written, where it cannot be: `into` is taken, a version is not what its
    passport says, its commit or its data are out of reach, or code that made a difference was never committed.
    """
    root, into = settings.root, into.resolve()
    refuse_folder(root, into)
    registry = open_registry(settings)
    on_line(f"reading version {number} from the registry")
    registered = read_registered(settings, registry, number)
    learned = read_learned(settings, registry, registered)
    source = source_of(root, registered)
    of_ranker = source if learned is registered else source_of(root, learned)
    with _left_in(into):
        if learned is registered:
            found = _rebuild_retrained(root, source, registry, into, on_line)
        else:
            found = _rebuild_refreshed(root, source, of_ranker, registry, into, on_line)
        return Rebuilt(number, into, found)


def folder_of(into: Path, number: int) -> Path:
    """Of one of the two versions that a refresh is rebuilt from."""
    return into / f"version-{number}"


def refuse_folder(root: Path, into: Path) -> None:
    if into.is_relative_to(root):
        raise ShoprecError(f"{into} lies in the project, which is only read: name a folder outside {root}")
    if into.exists() and not (into.is_dir() and not any(into.iterdir())):
        raise ShoprecError(f"{into} is there, and is no empty folder: name a new one, so that nothing old gets in")


def _rebuild_retrained(
    root: Path, source: Source, registry: "Registry", into: Path, on_line: OnLine
) -> tuple[Compared, ...]:
    lay_out(root, source, into, on_line)
    compute(into, stage_order(into / "dvc.yaml"), on_line)
    return compare(source.registered, registry, into, on_line)


def _rebuild_refreshed(
    root: Path, source: Source, of_ranker: Source, registry: "Registry", into: Path, on_line: OnLine
) -> tuple[Compared, ...]:
    """Data that cannot be pulled is told before anything is computed, which takes longer."""
    learned, validated = folder_of(into, of_ranker.number), folder_of(into, source.number)
    into.mkdir(parents=True, exist_ok=True)
    lay_out(root, of_ranker, learned, on_line)
    lay_out(root, source, validated, on_line)
    compute(learned, stage_order(learned / "dvc.yaml"), on_line)
    compute(validated, STAGES, on_line)
    return compare_refreshed(source.registered, of_ranker.registered, registry, learned, validated, on_line)


@contextmanager
def _left_in(into: Path) -> Generator[None, None, None]:
    try:
        yield
    except ShoprecError as error:
        if not into.exists():
            raise
        left = f"{into} holds what was made so far, and nothing else was written"
        raise type(error)(f"{error}\n{left}") from error
