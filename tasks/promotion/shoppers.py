"""A few shoppers with the lists of both sides, for a person to look at."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks.evaluation.evidence import Evidence
from tasks.evaluation.gather import shoppers_to_show
from tasks.ingestion.valid import Valid
from tasks.params.shop import ShopParams
from tasks.promotion.measure import CHALLENGER, CHAMPION
from tasks.schema import Task

PER_TASK = 5


@dataclass(frozen=True)
class Listed:
    title: str
    bought: bool
    """Whether the shopper bought it in the test fold."""


@dataclass(frozen=True)
class Shopper:
    """Names and titles are the shop's: whoever shows them must make them harmless."""

    task: Task
    user: str
    bought: int
    """Relevant items in the test fold."""
    champion: tuple[Listed, ...]
    """Best first."""
    challenger: tuple[Listed, ...]


def shoppers_side_by_side(evidence: Evidence, valid: Valid, shop: ShopParams) -> tuple[Shopper, ...]:
    """Typical ones, `PER_TASK` of each task: see `shoppers_to_show`, which chooses by what was bought alone."""
    sides = [shoppers_to_show(evidence, valid, shop, PER_TASK, system=name) for name in (CHAMPION, CHALLENGER)]
    return tuple(
        Shopper(theirs["task"], str(theirs["user_id"]), len(theirs["bought"]), _listed(theirs), _listed(ours))
        for theirs, ours in zip(*sides, strict=True)
    )


def _listed(shown: Mapping[str, Any]) -> tuple[Listed, ...]:
    return tuple(Listed(item["title"], item["bought"]) for item in shown["recommended"])
