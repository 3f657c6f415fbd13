"""What was rebuilt, held against what was registered: a line for each thing that can differ, with how much it does."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from flows.lineage.checked import differences
from flows.lineage.environment import differences_of_environment
from flows.lineage.registered import LISTS, Registered
from flows.lineage.serving import served_lists
from flows.steps import RANKER, read_json
from tasks.errors import ShoprecError, TransientError
from tasks.evaluation.headline import TASK_NAMES
from tasks.registry.flat import flat_metrics
from tasks.registry.passport import Passport, sha256
from tasks.registry.texts import listed
from tasks.schema import ITEM, RANK, USER
from tasks.versioning.lock import inputs, outputs_of_stages
from tasks.versioning.process import OnLine

if TYPE_CHECKING:
    from tasks.registry.registry import Registry

_LIST = ["task", USER]


@dataclass(frozen=True)
class Compared:
    name: str
    same: bool
    says: str
    decides: bool = False
    """Whether it is what a rebuild has to give again: recommendations and metrics."""
    numbers: Mapping[str, float] = field(default_factory=dict)
    """For programs: how much of what."""


def compare(registered: Registered, registry: "Registry", into: Path, on_line: OnLine) -> tuple[Compared, ...]:
    """A retrained version with its rebuild in `into`."""
    return (*_learned(registered, into), *_served(registered.passport, registry, into, into, on_line))


def compare_refreshed(
    registered: Registered, of_ranker: Registered, registry: "Registry", learned: Path, validated: Path, on_line: OnLine
) -> tuple[Compared, ...]:
    """A refresh with its rebuild in `validated`, for which the ranker, of the version `of_ranker`, was made again in
    `learned`."""
    passport, number = registered.passport, of_ranker.passport.version
    return (
        *(replace(one, name=f"version {number}: {one.name}") for one in _learned(of_ranker, learned)),
        *_computed(registered, validated),
        compare_ranker(passport, learned / RANKER),
        *_served(passport, registry, learned, validated, on_line),
    )


def _learned(registered: Registered, into: Path) -> Iterator[Compared]:
    """All but what is served, which a version that was refreshed since is not asked for."""
    tested, again = (pd.read_parquet(file) for file in (io.BytesIO(registered.lists), into / "reports" / LISTS))
    yield from _computed(registered, into)
    yield compare_metrics(registered.passport.metrics, read_json(into / "reports" / "metrics.json"))
    yield from compare_lists("lists of the test week", tested, again)


def _computed(registered: Registered, into: Path) -> Iterator[Compared]:
    yield _environment(registered)
    yield _read(registered, into)
    yield from _made(registered.passport, into)


def _environment(registered: Registered) -> Compared:
    found = differences_of_environment(registered.passport, registered.recipe.get("requirements.lock", b"").decode())
    return Compared("environment", not found, listed(found) or "Python, processor and packages are as they were")


def _read(registered: Registered, into: Path) -> Compared:
    """Of what no stage made: raw data, code, suites, the lock."""
    made = registered.passport.outputs.keys() - registered.from_outside().keys()
    read = registered.passport.inputs, inputs(into)
    then, now = ({path: digest for path, digest in of.items() if path not in made} for of in read)
    found = differences(then, now)
    return Compared("what stages read", not found, listed(found) or f"all {len(then)} files and folders are the same")


def _made(passport: Passport, into: Path) -> Iterator[Compared]:
    """A line a stage; one hash stands for a whole folder."""
    for stage, now in outputs_of_stages(into).items():
        other = [path for path, digest in now.items() if passport.outputs.get(path) != digest]
        outputs = ", ".join(now) if len(now) == 1 else f"all {len(now)} outputs"
        says = f"{len(other)} of {len(now)}: {listed(other)}" if other else f"{outputs}, to the last byte"
        yield Compared(f"stage {stage}", not other, says, numbers={"outputs": len(now), "differing": len(other)})


def compare_ranker(passport: Passport, ranker: Path) -> Compared:
    """File by file: as the registered model has it, and as the folder `ranker` does."""
    inside = "/ranker/"
    then = {path.partition(inside)[2]: digest for path, digest in passport.model.items() if inside in path}
    files = (path for path in ranker.rglob("*") if path.is_file())
    now = {path.relative_to(ranker).as_posix(): sha256(path.read_bytes()) for path in files}
    found = differences(then, now)
    return Compared("ranker", not found, listed(found) or f"all {len(then)} files, to the last byte")


def compare_metrics(then: Mapping[str, Any], now: Mapping[str, Any]) -> Compared:
    """What was measured in one of them only differs too, by no number."""
    was, found = flat_metrics(then), flat_metrics(now)
    names = was.keys() | found.keys()
    apart = {name: abs(found[name] - was[name]) for name in was.keys() & found.keys() if found[name] != was[name]}
    alone = sorted(was.keys() ^ found.keys())
    most = max(apart, key=apart.__getitem__, default=None)
    numbers = {
        "metrics": len(names),
        "differing": len(apart) + len(alone),
        "largest_difference": apart.get(most or "", 0.0),
    }
    if not apart and not alone:
        return Compared("metrics", True, f"all {len(names)} numbers are equal", decides=True, numbers=numbers)
    says = [f"{len(apart) + len(alone)} of {len(names)} numbers differ"]
    if most is not None:
        says.append(f"most {most}: {found[most]:.6g}, was {was[most]:.6g} (by {apart[most]:.2g})")
    if alone:
        says.append(f"measured once only: {listed(alone)}")
    return Compared("metrics", False, "; ".join(says), decides=True, numbers=numbers)


def compare_lists(name: str, then: pd.DataFrame, now: pd.DataFrame) -> Iterator[Compared]:
    """Both `task, user_id, item_id, rank`; a line a task. A place is the same where it holds the same item."""
    places = pd.DataFrame(
        {
            "then": then.groupby(_LIST).size(),
            "now": now.groupby(_LIST).size(),
            "same": then.merge(now, on=[*_LIST, RANK, ITEM]).groupby(_LIST).size(),
        }
    ).fillna(0)
    longer = places[["then", "now"]].max(axis=1)
    counted = pd.DataFrame({"places": longer, "same": places["same"], "other": places["same"] < longer, "lists": 1})
    for task, row in counted.groupby(level="task").sum().astype(int).iterrows():
        same, total, other, users = row["same"], row["places"], row["other"], row["lists"]
        says = (
            f"{other:,} of {users:,} shoppers get another list; {same:,} of {total:,} places are the same"
            f" ({same / total:.2%})"
            if other
            else f"all {total:,} places of {users:,} shoppers are the same"
        )
        numbers = {"places": int(total), "same_places": int(same), "users": int(users), "differing_users": int(other)}
        yield Compared(f"{name}, {TASK_NAMES[str(task)]}", not other, says, decides=True, numbers=numbers)


def _served(
    passport: Passport, registry: "Registry", learned: Path, validated: Path, on_line: OnLine
) -> Iterator[Compared]:
    try:
        then, now = served_lists(passport, registry, learned, validated, on_line)
    except TransientError:
        raise
    except ShoprecError as error:
        yield Compared("lists that are served", False, f"could not be asked for: {error}", decides=True)
        return
    yield from compare_lists("lists that are served", then, now)
