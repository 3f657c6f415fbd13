"""Landing: what a source gave, as files that DVC can track. Nothing is written where nothing changed."""

import filecmp
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.errors import DataContractError, ParamsError
from tasks.ingestion.storage import full_disk_named, replace_folder, restore_folder, sibling, write_tables
from tasks.params.source import SourceParams
from tasks.schema import TableName

MANIFEST = "manifest.json"


def as_of_instant(params: SourceParams, now: datetime) -> datetime:
    """The instant that freshness is judged by: `source.as_of`, else the midnight (UTC) before `now`.

    A midnight, so that the manifest, and with it the validation, changes once a day at most.
    """
    if params.as_of is None:
        return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        instant = datetime.fromisoformat(params.as_of)
    except ValueError as error:
        raise ParamsError(
            f"source.as_of is '{params.as_of}', which is no ISO 8601 instant such as 2024-03-01T00:00:00+00:00"
        ) from error
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


@dataclass(frozen=True)
class Written:
    """What a writer put into the folder that it was given: a Parquet file a table."""

    rows: Mapping[TableName, int]
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the manifest keeps beside, for the next landing from the same source."""
    told: str = ""
    """For the person who watches."""


Writer = Callable[[Path], Written]


def land(
    tables: Mapping[TableName, pd.DataFrame],
    previous_profile_path: Path,
    raw: Path,
    as_of: datetime,
    source_name: str,
) -> bool:
    """`land_written`, of tables in memory."""

    def write(folder: Path) -> Written:
        write_tables(tables, folder)
        return Written({name: len(frame) for name, frame in tables.items()})

    changed, _ = land_written(write, previous_profile_path, raw, as_of, source_name)
    return changed


def land_written(
    write: Writer, previous_profile_path: Path, raw: Path, as_of: datetime, source_name: str
) -> tuple[bool, Written]:
    """Make `raw` hold what `write` writes and a manifest, all or nothing; False, and nothing touched, if it does
    already.

    The manifest carries the profile of the last accepted data, for checks against the previous run. It is renewed only
    when the tables change: data must not be compared with itself.
    """
    restore_folder(raw)
    staged = sibling(raw, "landing")
    shutil.rmtree(staged, ignore_errors=True)
    try:
        with full_disk_named(raw):
            staged.mkdir(parents=True)
            written = write(staged)
        same = _same_tables(staged, raw)
        manifest = {
            "source": source_name,
            "as_of": as_of.isoformat(),
            "rows": dict(written.rows),
            "previous": read_manifest(raw)["previous"] if same else _profile(previous_profile_path),
            **written.facts,
        }
        if same and manifest == read_manifest(raw):
            return False, written
        text = json.dumps(manifest, indent=2, sort_keys=True) + "\n"
        (staged / MANIFEST).write_text(text, encoding="utf-8")
        replace_folder(raw, lambda new: _move_all(staged, new))
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return True, written


def read_manifest(raw: Path) -> dict[str, Any]:
    path = raw / MANIFEST
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError) as error:
        raise DataContractError(f"{path} is missing or no JSON: fetch the data again with `make run`") from error


def _same_tables(staged: Path, raw: Path) -> bool:
    names = {path.name for path in staged.iterdir()}
    if not (raw / MANIFEST).exists() or {path.name for path in raw.iterdir()} != names | {MANIFEST}:
        return False
    return all(filecmp.cmp(staged / name, raw / name, shallow=False) for name in names)


def _profile(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _move_all(source: Path, target: Path) -> None:
    for path in source.iterdir():
        shutil.move(path, target / path.name)
