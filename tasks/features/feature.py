"""A feature is a name, a definition for people, and an Ibis expression: one for every engine, for batch and serving."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import ibis.expr.types as ir


@dataclass(frozen=True)
class Feature:
    name: str
    """Says the subject, the window and the unit: `item_buyers_28d`."""
    definition: str
    """One sentence for the catalogue."""
    expression: Callable[[Any], Any]
    """From the relation that the feature's group is made of to a column or an aggregate of it."""


def columns(features: Sequence[Feature], relation: ir.Table) -> dict[str, ir.Value]:
    """Name to expression, as 32-bit floats: what the ranker reads."""
    return {feature.name: feature.expression(relation).cast("float32") for feature in features}
