"""The files of one table put together: what kind a column is, all of them say together."""

from dataclasses import dataclass

import pandas as pd

from tasks.ingestion.canonical import ID_COLUMNS
from tasks.ingestion.sources.parsing import parse_plain_numbers
from tasks.schema import TableName, is_canonical


@dataclass(frozen=True)
class Part:
    """One file of a table, by canonical names."""

    frame: pd.DataFrame
    decimal: str | None
    """The decimal sign of a CSV, where all is text; None: a Parquet file, whose columns have types."""


def together(name: TableName, parts: list[Part]) -> pd.DataFrame:
    """An id that is a number in one file and a text in another is a text in all.

    An attribute, a column that the contract does not name, is one of numbers where every value in every file is one.
    """
    frames = [part.frame for part in parts]
    for column in dict.fromkeys(str(c) for frame in frames for c in frame if not is_canonical(name, str(c))):
        frames = _replaced(frames, column, _of_one_kind([part for part in parts if column in part.frame], column))
    for column in ID_COLUMNS:
        holders = [frame for frame in frames if column in frame]
        if len({pd.api.types.is_integer_dtype(frame[column]) for frame in holders if frame[column].notna().any()}) > 1:
            frames = _replaced(frames, column, [frame[column].astype("str") for frame in holders])
    return pd.concat(frames, ignore_index=True)


def _replaced(frames: list[pd.DataFrame], column: str, values: list[pd.Series]) -> list[pd.DataFrame]:
    """`values` are those of the frames that have the column, in their order."""
    new = iter(values)
    return [frame.assign(**{column: next(new)}) if column in frame else frame for frame in frames]


def _of_one_kind(holders: list[Part], column: str) -> list[pd.Series]:
    """Numbers in all files, or in none; what is of one kind here and of another there is a text."""
    columns = [part.frame[column] for part in holders]
    numbers = [found for part in holders if (found := _numbers(part.frame[column], part.decimal)) is not None]
    if len(numbers) == len(columns) and any(values.notna().any() for values in columns):
        whole = all(pd.api.types.is_integer_dtype(values) for values in numbers)
        return numbers if whole else [values.astype("float64") for values in numbers]
    mixed = pd.api.types.is_object_dtype(pd.concat(columns))
    return [values.astype("str") for values in columns] if mixed else columns


def _numbers(values: pd.Series, decimal: str | None) -> pd.Series | None:
    """A text that a Parquet file holds is meant as one, whatever is written there."""
    if values.isna().all():
        return pd.Series(pd.NA, index=values.index, dtype="Int64")
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return values
    return parse_plain_numbers(values, decimal) if decimal and pd.api.types.is_string_dtype(values) else None
