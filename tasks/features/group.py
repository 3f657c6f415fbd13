"""A group of features of one subject, and what it is computed from: the past as of a cutoff."""

from collections.abc import Callable
from dataclasses import dataclass

import ibis.expr.types as ir
from ibis import _

from tasks.features.feature import Feature
from tasks.features.relations import Source, before
from tasks.folds import Fold
from tasks.schema import ITEM, USER


@dataclass(frozen=True)
class Group:
    """The features of one subject, in one table: one row a key."""

    name: str
    keys: tuple[str, ...]
    features: tuple[Feature, ...]
    compute: Callable[["Past"], ir.Table]


@dataclass(frozen=True)
class Past:
    """What is known as of a fold's cutoff."""

    source: Source
    fold: Fold
    lines: ir.Table
    pairs: ir.Table
    """One row a (user, item): `sessions`, `last_days` and `first_days` (ages of the latest and the first line)."""

    @classmethod
    def of(cls, source: Source, fold: Fold) -> "Past":
        lines = before(source.lines, fold)
        return cls(source, fold, lines, pairs_of(lines))


def pairs_of(lines: ir.Table) -> ir.Table:
    """See `Past.pairs`."""
    return lines.group_by(USER, ITEM).agg(sessions=_.count(), last_days=_.age_days.min(), first_days=_.age_days.max())
