"""A shop's exports as they lie there: which files they are, and their columns by the shop's own names."""

import glob
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.errors import DataContractError
from tasks.params.source import FileTable

_CSV_ENDINGS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz", ".csv.zip", ".csv.bz2", ".csv.zst")
_PARQUET_ENDINGS = (".parquet", ".pq")


def paths_behind(table: FileTable, param: str, root: Path) -> list[Path]:
    """The files behind `path`, sorted, so that the order of a folder on disk does not matter."""
    place = root / table.path
    if place.is_file():
        return [place]
    if place.is_dir():
        found = [p for p in place.rglob("*") if p.name.lower().endswith(_CSV_ENDINGS + _PARQUET_ENDINGS)]
    else:
        found = [Path(p) for p in glob.glob(str(place), recursive=True)]  # noqa: PTH207  (`place` may be absolute)
    found = sorted(p for p in found if p.is_file())
    if not found:
        raise DataContractError(f"{param}.path is '{table.path}': no CSV or Parquet file there (looked in {place})")
    return found


def is_parquet(path: Path, param: str, table: FileTable) -> bool:
    """As `format` says, else as the file's ending does."""
    if table.format:
        return table.format == "parquet"
    if path.name.lower().endswith(_PARQUET_ENDINGS):
        return True
    if path.name.lower().endswith(_CSV_ENDINGS):
        return False
    raise DataContractError(f"{path} ends like neither CSV nor Parquet: set {param}.format to csv or parquet")


def read_parquet(path: Path) -> pd.DataFrame:
    try:
        table = pq.ParquetFile(path).read()
    except (pa.ArrowInvalid, OSError) as error:
        raise DataContractError(
            f"{path} is no readable Parquet file, perhaps cut off while it was written ({error}): export it again"
        ) from error
    integers = {pa.int64(): pd.Int64Dtype(), pa.int32(): pd.Int64Dtype(), pa.int16(): pd.Int64Dtype()}
    return table.to_pandas(types_mapper=integers.get, ignore_metadata=True)


def read_csv(path: Path, param: str, table: FileTable) -> pd.DataFrame:
    """All columns as text: what is a number, an id or an instant is decided by the contract, not by guessing."""
    try:
        return pd.read_csv(
            path,
            sep=table.separator,
            encoding=table.encoding,
            dtype="str",
            keep_default_na=False,
            na_values=[""],
            skipinitialspace=True,
        )
    except pd.errors.EmptyDataError as error:
        raise DataContractError(f"{path} is empty: export it again, or take it out of {param}.path") from error
    except pd.errors.ParserError as error:
        raise DataContractError(
            f"{path} is no table with the separator {table.separator!r} ({error}): set {param}.separator,"
            " or mend the row"
        ) from error
    except (UnicodeError, LookupError) as error:
        raise DataContractError(
            f"{path} is not encoded as '{table.encoding}' ({error}): set {param}.encoding, such as latin-1 or cp1252"
        ) from error
    except (OSError, EOFError) as error:
        raise DataContractError(f"{path} cannot be read ({error}): export it again") from error
