"""`source` and `clean`: where the raw data comes from, how its columns are mapped, what of it is no merchandise."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from tasks.params.section import Section
from tasks.params.shop import ZoneName
from tasks.schema import EventType


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


ONE_OR_MANY = BeforeValidator(_as_list)
"""One table may be written without the list around it."""


class MappedTable(Section):
    """How the columns of what a shop has become those of a canonical table."""

    timestamp_format: str | None = None
    """As in `strptime`; None: ISO 8601. `unix_s` and `unix_ms` are seconds and milliseconds since 1970."""
    timestamp_zone: ZoneName | None = None
    """Zone of timestamps that carry none; None: the shop's time zone."""
    columns: dict[str, str] = Field(default_factory=dict)
    """Canonical name to the shop's name. A column not named here is taken where its name is canonical already."""
    constants: dict[str, str | int | float] = Field(default_factory=dict)
    """Canonical column to the one value that all rows get."""
    event_types: dict[str, EventType] = Field(default_factory=dict)
    """The shop's event names to canonical ones; rows of other names are refused unless in `ignore_event_types`."""
    ignore_event_types: list[str] = Field(default_factory=list)


class FileTable(MappedTable):
    """One export of the shop."""

    path: str
    """A file, a folder or a glob, relative to the project."""
    format: Literal["csv", "parquet"] | None = None
    """None: told by the file's ending."""
    separator: str = Field(default=",", min_length=1)
    encoding: str = "utf-8"
    decimal: str = Field(default=".", min_length=1, max_length=1)


class SourceTables(Section):
    events: Annotated[list[FileTable], ONE_OR_MANY]
    items: FileTable | None = None
    users: FileTable | None = None
    promotions: FileTable | None = None


class QueryTable(MappedTable):
    """One query to the shop's database."""

    query: str = Field(min_length=1)
    """One SELECT statement, of which only the columns that the table has use of are read."""


class EventQuery(QueryTable):
    key: tuple[str, ...] = ()
    """Columns of the query that identify an event of one instant, such as its number: of rows that are equal in these
    and in their timestamp, one lands. Empty: of rows that are equal in all columns of the canonical table."""


class QueryTables(Section):
    events: Annotated[list[EventQuery], Field(min_length=1), ONE_OR_MANY]
    items: QueryTable | None = None
    users: QueryTable | None = None
    promotions: QueryTable | None = None


class SqlParams(Section):
    """The shop's database. Events up to `source.as_of` are read; other tables are read whole."""

    address_variable: str = "SHOPREC_SOURCE"
    """Name of the environment variable that holds the address, as SQLAlchemy writes it. The address is no param."""
    incremental: bool = True
    """Whether only events since the newest one landed, less `late_days`, are asked for, where the queries of events and
    the database are those of the last landing; False: always all."""
    late_days: float = Field(default=3, ge=0)
    """An event that came into the database up to so many days after newer ones did is still found. Of these days, what
    the database says now replaces what it said before."""
    chunk_rows: int = Field(default=100_000, ge=1)
    """Rows held in memory at once while reading; what lands is the same for any number."""
    tables: QueryTables

    @field_validator("address_variable")
    @classmethod
    def is_a_name(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
            raise ValueError(
                "is no name of an environment variable; put the database's address into the environment, not here, and"
                " name the variable, such as SHOPREC_SOURCE"
            )
        return value


class SourceParams(Section):
    """Where the raw data comes from."""

    adapter: Literal["complete_journey", "files", "sql"]
    as_of: str | None = None
    """ISO 8601 instant at which the data was current; freshness and 'in the future' are judged by it. None: today."""
    tables: SourceTables | None = None
    """Of adapter files."""
    sql: SqlParams | None = None
    """Of adapter sql."""

    @model_validator(mode="after")
    def adapter_has_its_section(self) -> Self:
        if self.adapter == "files" and self.tables is None:
            raise ValueError("source.adapter is 'files', but source.tables is missing: name tables.events.path")
        if self.adapter == "sql" and self.sql is None:
            raise ValueError("source.adapter is 'sql', but source.sql is missing: name sql.tables.events.query")
        return self


class CleanParams(Section):
    """What is data, but nothing to recommend."""

    exclude: dict[str, list[str]] = Field(default_factory=dict)
    """Item column to the values whose items are no merchandise."""
    require_catalogue: bool = True
    """Drop events of items that the catalogue lacks, where the shop has a catalogue."""
    max_quantity: float | None = None
    """A line with more than this is taken for a wholesale or mistyped one; None: no bound."""
