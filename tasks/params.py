"""`params.yaml` as frozen values, one section a step. A key that is not known here is an error."""

from pathlib import Path
from typing import Any, Literal, Self
from zoneinfo import available_timezones

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from tasks.errors import ParamsError
from tasks.schema import EventType


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class ShopParams(Section):
    """What holds for the whole shop."""

    time_zone: str
    """Zone in which the shop's day begins at midnight; folds are cut there, and calendar features read it."""
    target_event: EventType = "purchase"
    """The event that a recommendation should lead to."""

    @field_validator("time_zone")
    @classmethod
    def known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"'{value}' is no time zone of the IANA database, such as Europe/Berlin or UTC")
        return value


class FileTable(Section):
    """One export of the shop, and how its columns become those of a canonical table."""

    path: str
    """A file, a folder or a glob, relative to the project."""
    format: Literal["csv", "parquet"] | None = None
    """None: told by the file's ending."""
    separator: str = ","
    encoding: str = "utf-8"
    decimal: str = "."
    timestamp_format: str | None = None
    """As in `strptime`; None: ISO 8601. `unix_s` and `unix_ms` are seconds and milliseconds since 1970."""
    timestamp_zone: str | None = None
    """Zone of timestamps that carry none; None: the shop's time zone."""
    columns: dict[str, str] = Field(default_factory=dict)
    """Canonical name to the export's name. A column not named here is taken where its name is canonical already."""
    constants: dict[str, str | int | float] = Field(default_factory=dict)
    """Canonical column to the one value that all rows get."""
    event_types: dict[str, EventType] = Field(default_factory=dict)
    """The export's event names to canonical ones; rows of other names are refused unless in `ignore_event_types`."""
    ignore_event_types: list[str] = Field(default_factory=list)


class SourceTables(Section):
    events: list[FileTable]
    items: FileTable | None = None
    users: FileTable | None = None
    promotions: FileTable | None = None

    @field_validator("events", mode="before")
    @classmethod
    def one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, dict) else value


class SourceParams(Section):
    """Where the raw data comes from."""

    adapter: Literal["complete_journey", "files"]
    as_of: str | None = None
    """ISO 8601 instant at which the data was current; freshness and 'in the future' are judged by it. None: today."""
    tables: SourceTables | None = None

    @model_validator(mode="after")
    def files_have_tables(self) -> Self:
        if self.adapter == "files" and self.tables is None:
            raise ValueError("source.adapter is 'files', but source.tables is missing: name tables.events.path")
        return self


class CleanParams(Section):
    """What is data, but nothing to recommend."""

    exclude: dict[str, list[str]] = Field(default_factory=dict)
    """Item column to the values whose items are no merchandise."""
    require_catalogue: bool = True
    """Drop events of items that the catalogue lacks, where the shop has a catalogue."""
    max_quantity: float | None = None
    """A line with more than this is taken for a wholesale or mistyped one; None: no bound."""


class FoldParams(Section):
    horizon_days: int = Field(ge=1, le=366)
    train: int = Field(ge=1, le=104)
    """How many folds before the validation fold the ranker learns from."""


class Params(Section):
    shop: ShopParams
    source: SourceParams
    clean: CleanParams
    folds: FoldParams


def load_params(path: Path) -> Params:
    """Raises ParamsError with every key at fault."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ParamsError(f"{path} does not exist; run in the project's folder") from error
    except yaml.YAMLError as error:
        raise ParamsError(f"{path} is no YAML: {error}") from error
    try:
        return Params.model_validate(raw)
    except ValidationError as error:
        faults = [f"  {'.'.join(map(str, e['loc'])) or '(top)'}: {e['msg']}{_received(e)}" for e in error.errors()]
        raise ParamsError(f"{path} has {len(faults)} fault(s):\n" + "\n".join(faults)) from error


def _received(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return " (an unknown key: mistyped?)"
    return "" if error["type"] == "missing" else f" (received {error['input']!r})"
