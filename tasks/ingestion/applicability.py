"""Which expectations of a suite can be held against a table. The others do not apply, or are written wrongly."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from tasks.ingestion.quality import Check
from tasks.ingestion.spelling import is_it
from tasks.ingestion.suites import Expectation, Suite, UnknownValueError, resolved
from tasks.schema import OPEN_TABLES, REQUIRED_COLUMNS, CheckedName, canonical_columns, is_canonical

_ABOUT_THE_TABLE = ("expect_column_to_exist", "expect_table_row_count_to_be_between")
_ABOUT_GAPS = ("expect_column_values_to_not_be_null", "expect_column_values_to_be_null")


class _ColumnOfNowhereError(Exception):
    """An expectation names a column that its table does not have and never will."""


def sort_out(
    frame: pd.DataFrame, suite: Suite, values: Mapping[str, Any], unknown: Mapping[str, str]
) -> tuple[dict[str, Check], dict[str, dict[str, Any]]]:
    """By rule: what became of those that cannot be run, and the arguments of those that can, with `values` in place.

    `unknown` are helper columns that could not be computed, and why.
    """
    told: dict[str, Check] = {}
    runnable: dict[str, dict[str, Any]] = {}
    for expectation in suite.expectations:
        try:
            _refuse_column_of_nowhere(expectation, frame, suite.table, unknown)
            why = _why_not_applicable(expectation, frame, suite.table, unknown)
            if not why:
                runnable[expectation.rule] = resolved(expectation.kwargs, values)
        except UnknownValueError as error:
            why = str(error)
        except (_ColumnOfNowhereError, KeyError, TypeError, ValueError) as error:
            told[expectation.rule] = Check(suite.table, expectation, "broken", why=_fault(error, values))
            continue
        if why:
            told[expectation.rule] = Check(suite.table, expectation, "not applicable", why=why)
    return told, runnable


def _refuse_column_of_nowhere(
    expectation: Expectation, frame: pd.DataFrame, table: CheckedName, unknown: Mapping[str, str]
) -> None:
    """A column that no such table has is mistyped. Users and items may have any, but then the data has it."""
    for column in expectation.columns:
        if column in frame or column in unknown or is_canonical(table, column):
            continue
        meant = is_it(column, [*canonical_columns(table), *map(str, frame), *unknown])
        if table not in OPEN_TABLES:
            raise _ColumnOfNowhereError(f"the suite names the column '{column}', which no {table} table has{meant}")
        if expectation.type != "expect_column_to_exist":
            raise _ColumnOfNowhereError(
                f"the suite names the column '{column}', which the shop's {table} do not have: export it, or remove the"
                f" check{meant}"
            )


def _why_not_applicable(
    expectation: Expectation, frame: pd.DataFrame, table: CheckedName, unknown: Mapping[str, str]
) -> str | None:
    if expectation.type in _ABOUT_THE_TABLE:
        return None
    for column in expectation.columns:
        if column in unknown:
            return unknown[column]
        if column not in frame:
            optional = column not in REQUIRED_COLUMNS[table]
            return f"the shop's {table} have no {column}" if optional else f"column {column} is missing"
        if expectation.type not in _ABOUT_GAPS and frame[column].isna().all():
            return f"{column} holds no value" if len(frame) else f"there are no {table}"
    return None if len(frame) else f"there are no {table}"


def _fault(error: Exception, values: Mapping[str, Any]) -> str:
    if isinstance(error, _ColumnOfNowhereError):
        return str(error)
    if isinstance(error, KeyError):
        return f"it refers to {error}, which is none of {sorted(values)}"
    return f"its arguments do not fit: {error}"
