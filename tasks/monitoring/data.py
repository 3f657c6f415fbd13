"""Fresh data against what the champion was made from, each measure within what the shop's own weeks differ by."""

from datetime import datetime, timedelta

from tasks.monitoring.band import judge
from tasks.monitoring.behaviour import Behaviour, past_spans, span
from tasks.monitoring.found import Found, not_judged
from tasks.monitoring.measures import MEASURES
from tasks.params import MonitoringParams


def look_at_data(
    behaviour: Behaviour, end: datetime, known: datetime, horizon: timedelta, params: MonitoringParams
) -> tuple[Found, ...]:
    """The horizon that ends at `end` against the last ones before `known`, the end of the champion's data.

    Horizons are elapsed time, so an hour off the shop's midnight where its clocks change.
    """
    now = span(behaviour, end, horizon, known, params.reference)
    past = past_spans(behaviour, min(known, end - horizon), horizon, params.reference, params.past)
    begun = behaviour.between(behaviour.first, behaviour.first + params.reference * horizon).stop
    settled = [one for one in past if one.reference.start >= begun]
    found = []
    for name, measure in MEASURES.items():
        distance = measure.distance(behaviour, now, params)
        if distance is None:
            found.append(not_judged(name, "data", "there is nothing to measure"))
            continue
        spans = settled if measure.settles else past
        before = [d.value for one in spans if (d := measure.distance(behaviour, one, params)) is not None]
        found.append(judge(name, "data", distance, before, measure.floor(params.floors), params))
    return tuple(found)
