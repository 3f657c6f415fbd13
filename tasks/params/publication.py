"""`publication`: what `shoprec publish` makes of the champion."""

from pydantic import Field, PositiveInt, field_validator

from tasks.params.section import Section
from tasks.schema import TASKS, Task


class PublicationParams(Section):
    """What `shoprec publish` makes of the champion: lists for all active users, see docs/publication.md."""

    k: PositiveInt = 10
    """Items a list."""
    tasks: tuple[Task, ...] = TASKS
    active_days: float | None = Field(default=91, gt=0)
    """Users with an event within so many days before the cutoff of the champion's state get lists; None: all."""
    keep: int = Field(default=4, ge=2)
    """Publications that are kept, the current one among them: as far as one can go back."""
    forbidden: dict[str, list[str]] = Field(default_factory=dict)
    """Item column to the values whose items are never published."""
    forbidden_items: list[str | int] = Field(default_factory=list)
    """Ids of items that are never published."""
    folder: str = "published"
    """Where the Parquet files go, relative to the project; below it `current` is what readers read."""

    @field_validator("tasks")
    @classmethod
    def each_once(cls, value: tuple[Task, ...]) -> tuple[Task, ...]:
        if not value or len(set(value)) != len(value):
            raise ValueError("name at least one task, each once")
        return value
