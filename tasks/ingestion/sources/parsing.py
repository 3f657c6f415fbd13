"""Values of an export to typed columns. What cannot be parsed raises, naming file, column, row and value."""

import re
from dataclasses import dataclass, replace
from typing import Literal, NoReturn

import pandas as pd

from tasks.errors import DataContractError

_TIME_AND_ZONE = r"[T ]\d{2}.*(?:Z|UTC|[+-]\d{2}(?::?\d{2})?)$"
_UNIX_UNITS: dict[str, Literal["s", "ms"]] = {"unix_s": "s", "unix_ms": "ms"}
_MAX_INTEGER_DIGITS = 18


@dataclass(frozen=True)
class Place:
    """Where a column was read, for people who have to mend it."""

    where: str
    """A file, or the param of a query."""
    param: str
    first_row: int
    """What people call the first row of data: 2 in a CSV, below its header."""
    column: str = ""

    def at(self, column: str) -> "Place":
        return replace(self, column=column)

    def refuse(self, values: pd.Series, bad: pd.Series, what: str, cure: str) -> NoReturn:
        """Raise, showing the first of the `bad` rows of `values` and their count."""
        first = int(bad.to_numpy().argmax())
        raise DataContractError(
            f"{self.where}, column {self.column}, row {first + self.first_row}: '{values.iloc[first]}' {what}"
            f" ({bad.sum():,} of {len(values):,} rows); {cure}"
        )


def parse_ids(values: pd.Series, place: Place) -> pd.Series:
    """Integers where every value is one written plainly (no leading zero, no sign), else text as it stands."""
    if pd.api.types.is_integer_dtype(values):
        return _plain(values.astype("Int64"))
    if pd.api.types.is_float_dtype(values):
        whole = values.isna() | (values == values.round())
        if not whole.all():
            place.refuse(values, ~whole, "is a fraction, and no id", "export ids as integers or texts")
        return _plain(values.astype("Int64"))
    text = values.astype("str").str.strip()
    text = text.mask(text == "")
    known = text.dropna()
    plain = known.str.fullmatch(r"0|[1-9]\d*") & (known.str.len() <= _MAX_INTEGER_DIGITS)
    return _plain(text.astype("Int64")) if len(known) and plain.all() else text


def parse_numbers(values: pd.Series, place: Place, decimal: str) -> pd.Series:
    """Integers where all are, else floats."""
    if pd.api.types.is_numeric_dtype(values):
        return _plain(values)
    text = values.astype("str").str.strip()
    plain = text.str.replace(decimal, ".", regex=False) if decimal != "." else text
    numbers = pd.to_numeric(plain, errors="coerce")
    bad = text.notna() & (numbers.isna() | numbers.isin([float("inf"), float("-inf")]))
    if bad.any():
        hint = f"{place.param}.decimal is '{decimal}'; export numbers without units and thousands separators"
        place.refuse(text, bad, "is no number", hint)
    return numbers


def parse_plain_numbers(values: pd.Series, decimal: str) -> pd.Series | None:
    """Numbers where every text is one, written plainly: `37` or `-1.5`, not `007`, `+1`, `1e3` or `1,000`.

    Else None: they are codes, ranges or words. Gaps stay gaps.
    """
    text = values.str.strip()
    text = text.mask(text == "")
    plain = rf"-?(?:0|[1-9][0-9]{{0,{_MAX_INTEGER_DIGITS - 1}}})(?:{re.escape(decimal)}[0-9]+)?"
    if not text.dropna().str.fullmatch(plain).all():
        return None
    if text.str.contains(decimal, regex=False).any():
        return pd.to_numeric(text.str.replace(decimal, ".", regex=False))
    return _plain(text.astype("Int64"))


def parse_texts(values: pd.Series, *, as_text: bool) -> pd.Series:
    """Attributes of a Parquet file keep their type; dictionary-encoded columns become text."""
    if as_text or isinstance(values.dtype, pd.CategoricalDtype) or pd.api.types.is_object_dtype(values):
        return values.astype("str")
    return values


def parse_times(values: pd.Series, place: Place, layout: str | None, zone: str) -> pd.Series:
    """Instants in UTC. Values without a zone are local times of `zone`; an hour that the clock shows twice is taken as
    the first of the two, one that it skips as the first instant after.
    """
    if layout in _UNIX_UNITS:
        return _from_unix(values, place, _UNIX_UNITS[layout])
    if pd.api.types.is_datetime64_any_dtype(values):
        times = values
    elif pd.api.types.is_numeric_dtype(values):
        place.refuse(values, values.notna(), "is a number, and no date", _say_format(place, "unix_s or unix_ms"))
    else:
        times = _from_text(values.astype("str").str.strip(), place, layout)
    if times.dt.tz is None:
        times = times.dt.tz_localize(zone, ambiguous=pd.Series(True, index=times.index), nonexistent="shift_forward")
    return times.dt.tz_convert("UTC").dt.as_unit("us")


def _from_text(text: pd.Series, place: Place, layout: str | None) -> pd.Series:
    """Instants where the texts carry a zone, local times where none does."""
    times = pd.to_datetime(text, format=layout or "ISO8601", errors="coerce", utc=True)
    bad = times.isna() & text.notna()
    if bad.any():
        expected = f"the format '{layout}'" if layout else "ISO 8601 (2024-03-01 17:30:00)"
        place.refuse(text, bad, f"is no instant in {expected}", _say_format(place, "such as '%d.%m.%Y %H:%M'"))
    if layout:
        return times if "%z" in layout or "%Z" in layout else times.dt.tz_localize(None)
    zoned = text.str.contains(_TIME_AND_ZONE).fillna(False).astype(bool)
    odd = text.notna() & (zoned != zoned[text.notna()].head(1).any())
    if odd.any():
        what = "has a time zone where others have none, or none where others have one"
        place.refuse(text, odd, what, "export all rows with their zone, or all without")
    return times if zoned.any() else times.dt.tz_localize(None)


def _from_unix(values: pd.Series, place: Place, unit: Literal["s", "ms"]) -> pd.Series:
    numbers = parse_numbers(values, place, ".")
    times = pd.to_datetime(numbers, unit=unit, errors="coerce", utc=True)
    bad = times.isna() & numbers.notna()
    if bad.any():
        place.refuse(values, bad, f"is no instant in unix_{unit}", _say_format(place, "unix_s or unix_ms"))
    return times.dt.as_unit("us")


def _say_format(place: Place, example: str) -> str:
    return f"set {place.param}.timestamp_format, {example}, or mend the rows"


def _plain(values: pd.Series) -> pd.Series:
    """Without pandas' nullable types, but for integers with gaps."""
    if pd.api.types.is_integer_dtype(values) and not values.isna().any():
        return values.astype("int64")
    if pd.api.types.is_integer_dtype(values):
        return values.astype("Int64")
    return values.astype("float64")
