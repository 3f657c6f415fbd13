"""The wrapper of Great Expectations: one table against one suite. It takes seconds to import, so that happens late.

Three quirks are handled here. An expectation that cannot run reports `success: false`, like one that the data breaks. A
suite made of plain dicts logs and drops an expectation of unknown type. And a large `value_set` takes seconds, hence
columns such as `item_in_catalogue` are computed before and checked for truth.
"""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tasks.ingestion.applicability import sort_out
from tasks.ingestion.quality import Check
from tasks.ingestion.suites import Expectation, Suite
from tasks.schema import ITEM, TASK, USER, CheckedName

_UNIQUENESS = ("expect_column_values_to_be_unique", "expect_compound_columns_to_be_unique")
_NO_GAPS = "expect_column_values_to_not_be_null"
_EXAMPLES = 5
_NAMED_BY: dict[CheckedName, list[str]] = {"recommendations": [TASK, USER, ITEM]}
"""What a row is called by, where the column at fault is a helper or a gap; in other tables it is the item."""


@dataclass(frozen=True)
class Outcome:
    checks: tuple[Check, ...]
    quarantine: pd.Series
    """Row position to the rule that sets it aside; a row that breaks several is set aside by the first."""


def check_table(frame: pd.DataFrame, suite: Suite, values: Mapping[str, Any], helpers: Mapping[str, Any]) -> Outcome:
    """Hold `frame` against `suite`.

    `values` are what `$PARAMETER` may name. `helpers` are columns computed for the checks, of the frame's length, or
    `Unknown` where they cannot be. No frame is changed.
    """
    known = {name: column for name, column in helpers.items() if isinstance(column, pd.Series)}
    unknown = {name: column.why for name, column in helpers.items() if name not in known}
    frame = frame.reset_index(drop=True).assign(**known)
    checks, runnable = sort_out(frame, suite, values, unknown)
    by_rule = {expectation.rule: expectation for expectation in suite.expectations}
    results = _run_expectations(frame, {rule: (by_rule[rule], kwargs) for rule, kwargs in runnable.items()})
    rows: dict[str, pd.Index] = {}
    for rule, result in results.items():
        checks[rule], rows[rule] = _judge(frame, suite, by_rule[rule], result, known)
    return Outcome(tuple(checks[rule] for rule in by_rule), _first_rule_of_each_row(rows, by_rule))


def _run_expectations(
    frame: pd.DataFrame, wanted: Mapping[str, tuple[Expectation, dict[str, Any]]]
) -> dict[str, dict[str, Any]]:
    """Rule to {success, result, exception}; an expectation that cannot even be built has just an exception."""
    if not wanted:
        return {}
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )
    from great_expectations.exceptions.exceptions import GreatExpectationsError
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    from tasks.ingestion import column_kind  # noqa: F401  (registers its expectation)

    settings = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        progress_bars=ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )
    context = gx.get_context(mode="ephemeral", project_config=settings)
    asset = context.data_sources.pandas_default.add_dataframe_asset("table")
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})
    suite, results = gx.ExpectationSuite(name="suite"), {}
    for rule, (expectation, kwargs) in wanted.items():
        try:
            configuration = ExpectationConfiguration(type=expectation.type, kwargs=kwargs, meta={"rule": rule})
            suite.expectations.append(configuration.to_domain_obj())  # a suite of dicts would drop an unknown type
        except (GreatExpectationsError, ValueError, TypeError) as error:
            results[rule] = {"exception": f"{type(error).__name__}: {error}"}
    found = batch.validate(suite, result_format={"result_format": "COMPLETE"})
    for entry in found.results:
        rule = (entry.expectation_config.meta or {})["rule"] if entry.expectation_config else ""
        results[rule] = {
            "success": bool(entry.success),
            "result": entry.result,
            "exception": _exception(entry.exception_info),
        }
    return results


def _exception(info: Any) -> str | None:
    """`exception_info` is one record, or one a metric."""
    records = [info] if "raised_exception" in info else list(info.values())
    raised = [record["exception_message"] for record in records if record.get("raised_exception")]
    return "; ".join(dict.fromkeys(raised)) or None


def _judge(
    frame: pd.DataFrame, suite: Suite, expectation: Expectation, result: Mapping[str, Any], helpers: Collection[str]
) -> tuple[Check, pd.Index]:
    """The check, and the positions of the rows to set aside (none where the run stops, or only warns)."""
    if result["exception"]:
        return Check(suite.table, expectation, "broken", why=result["exception"]), pd.Index([])
    facts = result["result"]
    rows = _unexpected_rows(frame, expectation, facts)
    warns = expectation.severity == "warning"
    breached = not result["success"] or len(rows) > 0
    allowed = _within_mostly(expectation, result, len(rows))
    status = "passed" if not breached else "warning" if warns else "quarantined" if allowed else "failed"
    check = Check(
        suite.table,
        expectation,
        status,
        observed=_observed(facts),
        checked=int(facts.get("element_count", 0)),
        unexpected=len(rows),
        examples=_examples(frame, suite.table, expectation, rows, helpers),
    )
    return check, rows if status == "quarantined" else pd.Index([])


def _unexpected_rows(frame: pd.DataFrame, expectation: Expectation, facts: Mapping[str, Any]) -> pd.Index:
    """Of rows that are equal in a unique key, all but the first are unexpected."""
    rows = pd.Index(sorted(facts.get("unexpected_index_list") or []))
    if expectation.type in _UNIQUENESS and len(rows):
        return rows[frame.loc[rows, expectation.columns].duplicated().to_numpy()]
    return rows


def _within_mostly(expectation: Expectation, result: Mapping[str, Any], unexpected: int) -> bool:
    if expectation.type in _UNIQUENESS:  # great_expectations counts the first copy as well
        return unexpected <= (1 - expectation.mostly) * result["result"]["element_count"]
    return result["success"]


def _observed(facts: Mapping[str, Any]) -> str:
    value = facts.get("observed_value")
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _examples(
    frame: pd.DataFrame, table: CheckedName, expectation: Expectation, rows: pd.Index, helpers: Collection[str]
) -> tuple[str, ...]:
    """The most frequent offending values with their counts; of a helper column, the rows' ids instead."""
    if not len(rows):
        return ()
    columns = expectation.columns
    if any(column in helpers for column in columns) or (table in _NAMED_BY and expectation.type == _NO_GAPS):
        columns = _NAMED_BY.get(table, [ITEM])
    counts = frame.loc[rows, columns].value_counts(dropna=False, sort=True).head(_EXAMPLES)
    return tuple(f"{_shown(key)} ({count:,}x)" for key, count in counts.items())


def _shown(key: Any) -> str:
    values = key if isinstance(key, tuple) else (key,)
    return " / ".join("(empty)" if pd.isna(value) else str(value) for value in values)


def _first_rule_of_each_row(rows: Mapping[str, pd.Index], order: Mapping[str, Expectation]) -> pd.Series:
    found = [pd.Series(rule, index=rows[rule], dtype="str") for rule in order if rule in rows and len(rows[rule])]
    if not found:
        return pd.Series(dtype="str", index=pd.Index([], dtype="int64"))
    together = pd.concat(found)
    return together[~together.index.duplicated()].sort_index()
