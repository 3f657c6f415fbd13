"""Tables on disk: the same rows always give the same bytes, and a folder is replaced whole or not at all."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.errors import DataContractError, ShoprecError, is_full_disk
from tasks.schema import TABLES, TableName

_NULLABLE = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
_GROUP_ROWS = 1 << 20


def read_tables(folder: Path) -> dict[TableName, pd.DataFrame]:
    """The canonical tables that `folder` holds. Integers with gaps stay integers (`Int64`)."""
    found: list[TableName] = [name for name in TABLES if _file(folder, name).exists()]
    tables: dict[TableName, pd.DataFrame] = {name: read_table(_file(folder, name)) for name in found}
    return tables


def read_table(path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """`columns`: None for all."""
    try:
        table = pq.read_table(path, columns=None if columns is None else list(columns))
    except pa.ArrowInvalid as error:
        raise DataContractError(f"{path} is no readable Parquet file ({error}); fetch or export it again") from error
    frame = table.to_pandas()
    for field in table.schema:
        if field.type in _NULLABLE and table[field.name].null_count:
            frame[field.name] = table[field.name].to_pandas(types_mapper=_NULLABLE.get)
    return frame


def write_tables(tables: Mapping[TableName, pd.DataFrame], folder: Path) -> None:
    for name, frame in tables.items():
        write_table(frame, _file(folder, name))


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Timestamps are stored as UTC microseconds; no pandas metadata, so that equal rows are equal bytes."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    pq.write_table(table.cast(_stored(table.schema)), path, compression="zstd", row_group_size=_GROUP_ROWS)


def write_batches(batches: pa.RecordBatchReader, path: Path) -> int:
    """`write_table`, of rows that come bit by bit: the same bytes, with one row group in memory; tells their number."""
    schema, count = _stored(batches.schema), 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for group in _row_groups(batches):
            writer.write_table(group.cast(schema), row_group_size=_GROUP_ROWS)
            count += len(group)
    return count


@contextmanager
def full_disk_named(path: Path) -> Iterator[None]:
    """Turn 'no space left' into a ShoprecError that says that `path` stays as it was."""
    try:
        yield
    except OSError as error:
        if not is_full_disk(error):
            raise
        raise ShoprecError(f"no space left to write {path}: free some and run again; it is as it was") from error


def replace_folder(folder: Path, fill: Callable[[Path], None]) -> None:
    """Let `fill` write into a new sibling of `folder`, then swap the two by rename.

    Whenever this is cut short, the next call, or `restore_folder`, finds either the old content or the new one.
    Raises ShoprecError when the disk is full; the old content stays.
    """
    new, old = sibling(folder, "new"), sibling(folder, "old")
    restore_folder(folder)
    try:
        with full_disk_named(folder):
            new.mkdir(parents=True)
            fill(new)
            _flush(new)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def restore_folder(folder: Path) -> None:
    """Undo what an interrupted `replace_folder` left: never a half-written folder, never a missing one."""
    new, old = sibling(folder, "new"), sibling(folder, "old")
    if old.exists() and not folder.exists():
        old.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
    shutil.rmtree(new, ignore_errors=True)


def replace_file(path: Path, content: bytes) -> None:
    """Write `content` beside `path`, then put it in its place in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = sibling(path, "new")
    try:
        with full_disk_named(path):
            with new.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def sibling(path: Path, suffix: str) -> Path:
    """A hidden place beside `path`, on the same disk, always the same, so that what a kill leaves there is found."""
    return path.with_name(f".{path.name}.{suffix}")


def _file(folder: Path, name: TableName) -> Path:
    return folder / f"{name}.parquet"


def _flush(folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _row_groups(batches: pa.RecordBatchReader) -> Iterator[pa.Table]:
    held = batches.schema.empty_table()
    for batch in batches:
        held = pa.concat_tables([held, pa.Table.from_batches([batch])])
        while len(held) >= _GROUP_ROWS:
            yield held.slice(0, _GROUP_ROWS).combine_chunks()
            held = held.slice(_GROUP_ROWS)
    if len(held):
        yield held.combine_chunks()


def _stored(schema: pa.Schema) -> pa.Schema:
    return pa.schema([pa.field(f.name, _stored_type(f.type)) for f in schema])


def _stored_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", tz="UTC")
    if pa.types.is_large_string(kind):
        return pa.string()
    return kind
