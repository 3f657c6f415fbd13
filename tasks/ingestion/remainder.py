"""What is left after all rules has to hold events to learn from."""

from collections import Counter
from collections.abc import Iterable

import pandas as pd

from tasks.ingestion.clean import RULE, param_of
from tasks.ingestion.quality import Check
from tasks.schema import EVENT_TYPE


def why_nothing_is_left(kept: pd.DataFrame, removed: pd.DataFrame, checks: Iterable[Check], target: str) -> str:
    """What took the last event, or the last of type `target`: each rule with its count, and where to look; else ''.

    `removed` are the events taken out, with the rule of each; `checks` are those of events.
    """
    if (kept[EVENT_TYPE] == target).any():
        return ""
    every, of_target = Counter(removed[RULE]), Counter(removed.loc[removed[EVENT_TYPE] == target, RULE])
    lost, what = (of_target, f"events of type '{target}' (shop.target_event)") if len(kept) else (every, "events")
    if not lost:
        return f"there are no {what}: look at shop.target_event and source.tables.events.event_types"
    cures = {check.expectation.rule: check.expectation.cure for check in checks}
    lines = [
        f"\n  {every[rule]:,} events, {of_target[rule]:,} of type '{target}', by {rule}: {_advice(rule, cures)}"
        for rule in sorted(every, key=lambda rule: -lost[rule])
    ]
    return f"none of {lost.total():,} {what} is left to learn from; removed were{''.join(lines)}"


def _advice(rule: str, cures: dict[str, str]) -> str:
    """The param behind a rule of cleaning; the cure that a suite names for its own."""
    if rule not in cures:
        return f"look at {param_of(rule)}"
    return cures[rule] or "look at expectations/raw_events.json"
