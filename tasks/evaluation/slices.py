"""Where the recommender is strong and where weak: the same metrics on parts of the users, and of what is relevant."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.evaluation.evidence import AGE_DAYS, BUYERS, EVENTS, SHOPREC, TENURE_DAYS, Evidence
from tasks.evaluation.intervals import bootstrap
from tasks.evaluation.lists import ScoredLists
from tasks.evaluation.systems import UserValues
from tasks.params.evaluation import EvaluationParams
from tasks.schema import USER

UNKNOWN = "unknown"
ACTIVITY = "activity (events before the cutoff)"
COLD = "cold start"
TENURE = "tenure (days since the first event)"
OF_BEHAVIOUR = (ACTIVITY, COLD, TENURE)
BEHAVIOUR, ATTRIBUTE, ITEM_KIND = "behaviour", "attribute", "item"


@dataclass(frozen=True)
class Slice:
    """One metric of some users; NaN for the others."""

    kind: str
    """Of `behaviour` or `attribute` of the user, or of the `item`."""
    dimension: str
    value: str
    metric: str
    own: NDArray[np.float64]
    other: NDArray[np.float64] | None
    """The best single retriever's."""


def slices(
    evidence: Evidence, lists: ScoredLists, values: UserValues, best: str | None, params: EvaluationParams
) -> list[dict[str, Any]]:
    """A row a dimension, value and metric: `users, value, low, high`, the best retriever's value, and the lift.

    Users are cut by activity, tenure, coldness and attributes, and judged by `judged_by` and `beside`. What is relevant
    is cut by the item's age and number of buyers; there a row is recall at the length of `beside`, counting only the
    relevant items of that kind: hits of the kind in the first k / min(k, relevant of the kind).
    """
    found = [*_of_users(evidence, lists, values, best, params), *_of_items(evidence, lists, best, params)]
    columns = [np.column_stack([s.own, *([] if s.other is None else [s.other, s.own - s.other])]) for s in found]
    intervals = bootstrap(np.hstack(columns), params.draws, params.seed)
    rows, place = [], 0
    for s in found:
        row: dict[str, Any] = {"kind": s.kind, "dimension": s.dimension, "slice": s.value, "metric": s.metric}
        row |= {"users": int((~np.isnan(s.own)).sum()), "value": intervals.mean[place]}
        row |= {"low": intervals.low[place], "high": intervals.high[place]}
        if s.other is not None:
            row |= {"best_retriever": intervals.mean[place + 1], "lift": intervals.mean[place + 2]}
            row |= {"lift_low": intervals.low[place + 2], "lift_high": intervals.high[place + 2]}
        rows.append(row)
        place += 1 if s.other is None else 3
    return rows


def _of_users(
    evidence: Evidence, lists: ScoredLists, values: UserValues, best: str | None, params: EvaluationParams
) -> Iterator[Slice]:
    users = evidence.users.set_index(USER).reindex(lists.users)
    for dimension, parts in user_groups(users, params).items():
        for name in [c for c in parts.cat.categories if (parts == c).any()]:
            inside = (parts == name).to_numpy()
            for metric in dict.fromkeys([params.judged_by, params.beside]):
                own = np.where(inside, values[SHOPREC][metric], np.nan)
                other = None if best is None else np.where(inside, values[best][metric], np.nan)
                yield Slice(
                    BEHAVIOUR if dimension in OF_BEHAVIOUR else ATTRIBUTE, dimension, str(name), metric, own, other
                )


def user_groups(users: pd.DataFrame, params: EvaluationParams) -> dict[str, pd.Series]:
    """Dimension to each user's part, as an ordered categorical. Constant dimensions are left out."""
    cold = np.where(users[EVENTS].fillna(0) <= params.cold_events, "cold", "warm")
    titles = {"cold": f"at most {params.cold_events} events", "warm": f"more than {params.cold_events} events"}
    groups: dict[str, pd.Series | None] = {
        ACTIVITY: _by_quantile(users[EVENTS], params.activity_groups),
        COLD: pd.Series(pd.Categorical([titles[c] for c in cold], [titles["cold"], titles["warm"]])),
        TENURE: _by_quantile(users[TENURE_DAYS], params.activity_groups),
    }
    for column in users.columns.drop([EVENTS, TENURE_DAYS]):
        groups[str(column).replace("_", " ")] = _by_attribute(users[column], params)
    return {name: parts for name, parts in groups.items() if parts is not None and parts.nunique() > 1}


def _by_attribute(values: pd.Series, params: EvaluationParams) -> pd.Series | None:
    if values.nunique() > params.most_attribute_values:
        numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
        return _by_quantile(values, params.activity_groups) if numeric else None
    order = [_name(v) for v in sorted(values.dropna().unique(), key=_natural)]
    named = [UNKNOWN if pd.isna(v) else _name(v) for v in values]
    return pd.Series(pd.Categorical(named, [*dict.fromkeys([*order, UNKNOWN])], ordered=True))


def _by_quantile(values: pd.Series, n: int) -> pd.Series:
    """Equal groups, named by their ends. Equal values stay together, so there may be fewer."""
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    known = numbers[~np.isnan(numbers)]
    inner = np.unique(np.quantile(known, np.arange(1, n) / n)) if len(known) else np.array([])
    which = np.searchsorted(inner, numbers, side="left")
    names, order = np.full(len(numbers), UNKNOWN, dtype=object), []
    for group in np.unique(which[~np.isnan(numbers)]):
        inside = (which == group) & ~np.isnan(numbers)
        order.append(f"{numbers[inside].min():,.9g} to {numbers[inside].max():,.9g}")
        names[inside] = order[-1]
    return pd.Series(pd.Categorical(names, [*dict.fromkeys([*order, UNKNOWN])], ordered=True))


def _of_items(evidence: Evidence, lists: ScoredLists, best: str | None, params: EvaluationParams) -> Iterator[Slice]:
    k = int(params.beside.partition("@")[2])
    kinds = {
        "age of the item (days since its first sale)": (AGE_DAYS, params.item_age_days),
        "popularity of the item (buyers before the cutoff)": (BUYERS, params.item_buyers),
    }
    for dimension, (column, edges) in kinds.items():
        kind = np.searchsorted(np.asarray(edges), evidence.items[column].to_numpy(dtype=np.float64), side="left")
        for group, name in enumerate(_between(edges)):
            own = _recall_of_kind(lists, SHOPREC, kind == group, k)
            if np.isnan(own).all():
                continue
            other = None if best is None else _recall_of_kind(lists, best, kind == group, k)
            yield Slice(ITEM_KIND, dimension, name, f"recall@{k}", own, other)


def _recall_of_kind(lists: ScoredLists, system: str, of_kind: NDArray[np.bool_], k: int) -> NDArray[np.float64]:
    rows, items = np.divmod(lists.positives, lists.n_items)
    relevant = np.bincount(rows[of_kind[items]], minlength=len(lists.users))
    hits = (lists.hits[system][:, :k] & of_kind[lists.items[system][:, :k]]).sum(axis=1)
    return np.divide(hits, np.minimum(k, relevant), out=np.full(len(hits), np.nan), where=relevant > 0)


def _between(edges: Sequence[int]) -> list[str]:
    """Names of the parts that the edges make; an edge belongs to the part below it."""
    inner = [f"{low + 1} to {high}" for low, high in zip(edges[:-1], edges[1:], strict=True)]
    return [f"up to {edges[0]}", *inner, f"over {edges[-1]}"]


def _name(value: Any) -> str:
    """Whole numbers without a point: a column of integers with gaps arrives as floats."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _natural(value: Any) -> tuple[float, str]:
    """Numbers by value, and texts that begin with one ("25-34", "100K+", "Under 15K") by that one."""
    digits = "".join(c if c.isdigit() or c == "." else " " for c in str(value)).split()
    number = float(digits[0]) if digits and digits[0].strip(".") else float("inf")
    return (number - 0.5 if str(value).lower().startswith(("under", "<", "less")) else number, str(value))
