"""Raw tables to valid ones and a quarantine. Pure: no clock, no file, nothing but what it is given."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pandas as pd

from tasks.ingestion.canonical import sort_rows
from tasks.ingestion.clean import REASON, RULE, clean
from tasks.ingestion.contracts import Outcome, check_table
from tasks.ingestion.profile import previous_values, profile_tables
from tasks.ingestion.quality import Quality, Removal
from tasks.ingestion.remainder import why_nothing_is_left
from tasks.ingestion.suites import Suite, Unknown
from tasks.params.shop import ShopParams
from tasks.params.source import CleanParams
from tasks.schema import EVENTS, ITEM, ITEMS, SESSION, TABLES, USER, TableName


@dataclass(frozen=True)
class Validation:
    quality: Quality
    tables: dict[TableName, pd.DataFrame] = field(default_factory=dict)
    """Empty where the data was refused."""
    quarantine: dict[TableName, pd.DataFrame] = field(default_factory=dict)
    """The rows that were taken out, with `rule` and `reason`."""


def validate(
    raw: Mapping[TableName, pd.DataFrame],
    manifest: Mapping[str, Any],
    suites: Mapping[TableName, Suite],
    shop: ShopParams,
    params: CleanParams,
) -> Validation:
    """Check every table, set aside the rows that break a rule, then clean. A row of `raw` is kept or quarantined.

    Data of which no event, or none of the target type, would be left is refused, as data that breaks the contract is.
    """
    outcomes = _check(raw, manifest, suites, shop, params)
    quality = Quality(
        source=manifest["source"],
        as_of=manifest["as_of"],
        read=_rows(raw),
        checks=tuple(check for outcome in outcomes.values() for check in outcome.checks),
        suites={name: suites[name].digest for name in outcomes if name in suites},
    )
    if quality.verdict != "accepted":
        return Validation(quality)
    good: dict[TableName, pd.DataFrame] = {name: _without(frame, outcomes.get(name)) for name, frame in raw.items()}
    cleaned = clean(good[EVENTS], good.get(ITEMS), params, shop)
    swept: dict[TableName, pd.DataFrame] = {"events": cleaned.removed_events, "items": cleaned.removed_items}
    aside: dict[TableName, pd.DataFrame] = {
        name: _set_aside(raw[name], outcome, swept.get(name)) for name, outcome in outcomes.items()
    }
    removals = tuple(removal for name in aside for removal in _removals(name, aside[name], outcomes[name]))
    gone = why_nothing_is_left(cleaned.events, aside[EVENTS], outcomes[EVENTS].checks, shop.target_event)
    if gone:
        return Validation(replace(quality, removals=removals, notes=cleaned.notes, nothing_left=gone))
    good[EVENTS] = cleaned.events
    if cleaned.items is not None:
        good[ITEMS] = cleaned.items
    valid: dict[TableName, pd.DataFrame] = {name: sort_rows(name, _settled(frame)) for name, frame in good.items()}
    profile = profile_tables(raw, valid)
    quality = replace(quality, kept=_rows(valid), removals=removals, notes=cleaned.notes, profile=profile)
    return Validation(quality, valid, aside)


def _check(
    raw: Mapping[TableName, pd.DataFrame],
    manifest: Mapping[str, Any],
    suites: Mapping[TableName, Suite],
    shop: ShopParams,
    params: CleanParams,
) -> dict[TableName, Outcome]:
    """The catalogue first: events are held against the items that it keeps."""
    values = _values(manifest, shop)
    order: list[TableName] = [name for name in TABLES if name in raw]
    order.sort(key=lambda name: name != ITEMS)
    outcomes: dict[TableName, Outcome] = {}
    for name in order:
        helpers = _helpers(name, raw, outcomes.get(ITEMS), params)
        outcomes[name] = check_table(raw[name], suites.get(name, Suite(name, "")), values, helpers)
    return {name: outcomes[name] for name in TABLES if name in outcomes}


def _values(manifest: Mapping[str, Any], shop: ShopParams) -> dict[str, Any]:
    first_run = Unknown("there is no previous run to compare with")
    past = previous_values(manifest["previous"])
    previous = {name: first_run if found is None else found for name, found in past.items()}
    return {"as_of": datetime.fromisoformat(manifest["as_of"]), "target_event": shop.target_event} | previous


def _helpers(
    name: TableName, raw: Mapping[TableName, pd.DataFrame], items: Outcome | None, params: CleanParams
) -> dict[str, pd.Series | Unknown]:
    """Columns that say of each row what one expectation alone cannot see."""
    frame = raw[name].reset_index(drop=True)
    helpers: dict[str, pd.Series | Unknown] = {"item_in_catalogue": Unknown("the shop has no items table")}
    if ITEMS in raw and ITEM in raw[ITEMS] and ITEM in frame:
        catalogue = _without(raw[ITEMS], items)[ITEM]
        helpers["item_in_catalogue"] = frame[ITEM].isin(catalogue) | frame[ITEM].isna()
    if not params.require_catalogue:
        helpers["item_in_catalogue"] = Unknown("clean.require_catalogue is off")
    if name == EVENTS:
        helpers["first_copy"] = ~frame.duplicated()
    return helpers


def _without(frame: pd.DataFrame, outcome: Outcome | None) -> pd.DataFrame:
    frame = frame.reset_index(drop=True)
    return frame if outcome is None else frame.drop(index=outcome.quarantine.index)


def _set_aside(frame: pd.DataFrame, outcome: Outcome, swept: pd.DataFrame | None) -> pd.DataFrame:
    """Rows with rule and reason, in the order of the raw table; those of cleaning beside those of the contract."""
    reasons = {check.expectation.rule: f"breaks: {check.expectation.says}" for check in outcome.checks}
    broken = pd.DataFrame({RULE: outcome.quarantine, REASON: outcome.quarantine.map(reasons)}, dtype="str")
    rules = broken if swept is None else pd.concat([broken, swept])
    rules = rules.sort_index()
    rows = frame.reset_index(drop=True).loc[rules.index].drop(columns=[RULE, REASON], errors="ignore")
    return rows.join(rules).reset_index(drop=True)


def _removals(name: TableName, aside: pd.DataFrame, outcome: Outcome) -> list[Removal]:
    of_contract = {check.expectation.rule for check in outcome.checks}
    counts = aside.groupby([RULE, REASON]).size().sort_values(ascending=False, kind="stable").reset_index(name="rows")
    return [
        Removal(name, rule, reason, int(rows), "contract" if rule in of_contract else "cleaning")
        for rule, reason, rows in counts.itertuples(index=False)
    ]


def _rows(tables: Mapping[TableName, pd.DataFrame]) -> dict[TableName, int]:
    rows: dict[TableName, int] = {name: len(frame) for name, frame in tables.items()}
    return rows


def _settled(frame: pd.DataFrame) -> pd.DataFrame:
    """Ids that had gaps, and have none any more, are plain integers again."""
    ids = [c for c in (USER, ITEM, SESSION) if c in frame and frame[c].dtype == "Int64" and frame[c].notna().all()]
    return frame.astype(dict.fromkeys(ids, "int64"))
