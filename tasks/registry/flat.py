"""Nested params and metrics as MLflow wants them: one level, and no sign in a name that it refuses."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

_LONGEST_VALUE = 6000
"""MLflow's bound on the text of a param."""


def flat_params(params: Mapping[str, Any]) -> dict[str, str]:
    """`{"als": {"factors": 64}}` gives `als.factors: 64`; lists and empty mappings become JSON, cut where too long.

    The same for equal params, whatever the order of their names: a passport has them sorted.
    """
    leaves = _leaves(params, ".")
    return {name: _text(value)[:_LONGEST_VALUE] for name, value in leaves}


def flat_metrics(metrics: Mapping[str, Any]) -> dict[str, float]:
    """`{"all": {"ndcg@10": 0.2}}` gives `all/ndcg_at_10: 0.2`; what was not measured (None) is left out."""
    leaves = _leaves(metrics, "/")
    return {name.replace("@", "_at_"): float(value) for name, value in leaves if value is not None}


def _leaves(nested: Mapping[str, Any], between: str, before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in nested.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, between, f"{before}{key}{between}")
        else:
            yield f"{before}{key}", value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str, sort_keys=True)
