"""An expectation of our own, `expect_column_kind_to_be_in`: a column's type in words that do not depend on pandas.

Great Expectations 1.24 compares type names, and knows neither pandas 3's text type nor timestamps with a zone.
"""

from typing import Any, ClassVar, Literal

import pandas as pd
from great_expectations.execution_engine.execution_engine import ExecutionEngine
from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnAggregateExpectation
from great_expectations.expectations.metrics.column_aggregate_metric_provider import (
    ColumnAggregateMetricProvider,
    column_aggregate_value,
)

Kind = Literal["integer", "number", "text", "instant", "local time", "truth", "other"]


def kind_of(column: pd.Series) -> Kind:
    dtype = column.dtype
    if isinstance(dtype, pd.DatetimeTZDtype):
        return "instant"
    if pd.api.types.is_datetime64_dtype(dtype):
        return "local time"
    if pd.api.types.is_bool_dtype(dtype):
        return "truth"
    if pd.api.types.is_integer_dtype(dtype):
        return "integer"
    if pd.api.types.is_numeric_dtype(dtype):
        return "number"
    return "text" if pd.api.types.is_string_dtype(dtype) else "other"


class ColumnKind(ColumnAggregateMetricProvider):
    metric_name = "column.kind"

    @column_aggregate_value(engine=PandasExecutionEngine)
    def _pandas(cls, column: pd.Series, **_: Any) -> str:  # noqa: N805  (great_expectations makes it a class method)
        return kind_of(column)


class ExpectColumnKindToBeIn(ColumnAggregateExpectation):
    kinds: list[str]

    metric_dependencies: ClassVar[tuple[str, ...]] = ("column.kind",)
    success_keys: ClassVar[tuple[str, ...]] = ("kinds",)

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,  # noqa: ARG002
        execution_engine: ExecutionEngine | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        found = metrics["column.kind"]
        return {"success": found in self.kinds, "result": {"observed_value": found}}
