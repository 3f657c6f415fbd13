"""What the registry holds, in words of our own: a version, its stage, and what a retrain leaves to be logged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Stage = Literal["candidate", "staging", "production", "archived", "rejected"]

ALIASES: dict[Stage, str] = {"staging": "challenger", "production": "champion"}
"""The two stages that one version at most has at a time, by the alias that serves read."""
PREVIOUS = "previous"
"""Alias of the version that served before the champion."""


@dataclass(frozen=True)
class Version:
    name: str
    number: int
    stage: Stage
    reason: str
    """Why it has this stage."""
    run_id: str


@dataclass(frozen=True)
class Dataset:
    """A versioned file or folder that the model came from."""

    name: str
    path: str
    digest: str
    """DVC's hash: 32 hex digits, and `.dir` for a folder."""
    context: str
    """What it was used for: source, training, evaluation."""


@dataclass(frozen=True)
class Retrained:
    """All that one retrain, or refresh, leaves to the registry."""

    recipe: str
    """Digest of all that the model was made from; a recipe is registered once."""
    params: Mapping[str, Any]
    """Nested; logged with dots between the levels."""
    metrics: Mapping[str, Any]
    """Nested, numbers or None at the end, as `reports/metrics.json`: `all`, `ndcg@10` is logged as `all/ndcg_at_10`."""
    datasets: Sequence[Dataset]
    files: Mapping[str, Sequence[Path]]
    """Folder among the run's artifacts (the empty name is its top) to files and folders that go there."""
    bundle: Path
    """Folder that `Recommender.load` reads."""
    package: Path
    """Folder of the `tasks` package, shipped with the model."""
    example_users: Sequence[Any]
    """A few known user ids, all integers or all strings, as the shop has them."""
    description: str
    """Markdown."""
    tags: Mapping[str, str] = field(default_factory=dict)
