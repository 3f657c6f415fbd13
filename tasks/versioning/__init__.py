"""Data versions: the only caller of dvc."""

from tasks.versioning.graph import stage_order, stage_waves
from tasks.versioning.lock import hashes, inputs, lock_of, pointers, recipe_digest
from tasks.versioning.repository import StageRun, changes, prepare, push, reproduce, track

__all__ = [
    "StageRun",
    "changes",
    "hashes",
    "inputs",
    "lock_of",
    "pointers",
    "prepare",
    "push",
    "recipe_digest",
    "reproduce",
    "stage_order",
    "stage_waves",
    "track",
]
