"""What a publication is to the people who look at it: how many, how much of the catalogue, what changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tasks.evaluation.headline import TASK_NAMES
from tasks.publication.about import About
from tasks.publication.database import Published
from tasks.publication.folder import PublicationFolder
from tasks.schema import Task


@dataclass(frozen=True)
class Facts:
    """Of lists that were made."""

    users: int
    shortest: Mapping[Task, int]
    """Items of the shortest list of a task."""
    coverage: Mapping[Task, float]
    """Share of the items that may be published that stand in some list."""
    peak_mib: float
    """Of the process that made them."""


@dataclass(frozen=True)
class Change:
    """Of the lists of one task against the publication before."""

    users: int
    """How many were compared; of more than 100,000 a part."""
    changed: float
    """Share of the users whose list is another."""
    overlap: float
    """Mean share of a list's items that were in the old one."""


@dataclass(frozen=True)
class Publication:
    """What readers read now, after a publication or where there was nothing new."""

    id: int
    version: int
    published_at: str
    """UTC, ISO 8601."""
    as_of: str
    k: int
    users: int
    is_new: bool
    told: str
    facts: Facts | None = None
    """None where nothing was made."""
    changes: Mapping[Task, Change] = field(default_factory=dict)
    """Empty where nothing was published before."""

    @classmethod
    def known(cls, one: Published, told: str) -> "Publication":
        return cls(one.id, one.version, _iso(one.published_at), _iso(one.as_of), one.k, one.users, False, told)


def described(about: About, facts: Facts, folder: PublicationFolder, before: int | None) -> Publication:
    """`before`: the publication that readers read until now."""
    changes = {}
    for task in about.tasks if before is not None else ():
        old, new = (folder.of(n) / f"{task}.parquet" for n in (before or 0, about.id))
        if before != about.id and old.exists():
            from tasks.publication.engine import change_between

            found = change_between(old, new)
            changes |= {task: Change(*found)} if found else {}
    told = f"publication {about.id}: {about.k} items from version {about.version} for {about.users:,} shoppers"
    times = _iso(about.published_at), _iso(about.as_of)
    return Publication(about.id, about.version, *times, about.k, about.users, True, told, facts, changes)


def rows(found: Publication) -> list[dict[str, str]]:
    """For a table: one a task."""
    if found.facts is None:
        return []
    shortest, coverage = found.facts.shortest, found.facts.coverage
    return [
        {
            "task": TASK_NAMES[task],
            "shortest list": f"{shortest[task]}",
            "items in some list": f"{coverage[task]:.1%}",
            "lists that changed": f"{change.changed:.1%}" if (change := found.changes.get(task)) else "",
            "overlap with the list before": f"{change.overlap:.1%}" if change else "",
            "shoppers compared": f"{change.users:,}" if change else "",
        }
        for task in shortest
    ]


def summary(found: Publication) -> str:
    """Markdown."""
    told = f"## {found.told[0].upper()}{found.told[1:]}"
    what = (
        f"Publication {found.id}, of version {found.version}, as of {found.as_of}: {found.users:,} shoppers, {found.k}"
        f" items a list; readers read it since {found.published_at}."
    )
    table = rows(found)
    if not table:
        return f"{told}\n\n{what}"
    names = list(table[0])
    lines = [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    lines += [f"| {' | '.join(row.values())} |" for row in table]
    return "\n\n".join([told, what, "\n".join(lines)])


def _iso(instant: datetime) -> str:
    return instant.isoformat(timespec="seconds")
