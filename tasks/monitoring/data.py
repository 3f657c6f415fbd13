"""Fresh data against what the champion was made from, each measure within what the shop's own weeks differ by."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from tasks.monitoring.band import Distance, judge
from tasks.monitoring.behaviour import Behaviour, Span, past_spans, span
from tasks.monitoring.found import Found, not_judged
from tasks.monitoring.measures import MEASURES
from tasks.params.monitoring import MonitoringParams

Distances = Mapping[str, Distance | None]
"""By measure; None: there is nothing to measure."""
Measured = Callable[[Behaviour, Span, MonitoringParams], Distances]


def measured(behaviour: Behaviour, of: Span, params: MonitoringParams) -> Distances:
    return {name: measure.distance(behaviour, of, params) for name, measure in MEASURES.items()}


def look_at_data(
    behaviour: Behaviour,
    end: datetime,
    known: datetime,
    horizon: timedelta,
    params: MonitoringParams,
    measured: Measured = measured,
) -> tuple[Found, ...]:
    """The horizon that ends at `end` against the last ones before `known`, the end of the champion's data.

    Horizons are elapsed time, so an hour off the shop's midnight where its clocks change. Another `measured` is for who
    takes many looks at the same past, and keeps what was measured.
    """
    now = measured(behaviour, span(behaviour, end, horizon, known, params.reference), params)
    spans = past_spans(behaviour, min(known, end - horizon), horizon, params.reference, params.past)
    past = [(one, measured(behaviour, one, params)) for one in spans]
    begun = behaviour.between(behaviour.first, behaviour.first + params.reference * horizon).stop
    found = []
    for name, measure in MEASURES.items():
        distance = now[name]
        if distance is None:
            found.append(not_judged(name, "data", "there is nothing to measure"))
            continue
        counted = [of[name] for one, of in past if not measure.settles or one.reference.start >= begun]
        before = [of.value for of in counted if of is not None]
        found.append(judge(name, "data", distance, before, measure.floor(params.floors), params))
    return tuple(found)
