"""A comparison as a person reads it in a pull request, as Markdown, and as a program does, for JSON."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from flows.ci.comparison import Changed, Comparison, Metric
from tasks.evaluation.formats import duration, interval, number, signed, signed_interval
from tasks.evaluation.headline import TASK_NAMES, metric_title
from tasks.promotion.check import Check
from tasks.promotion.data_change import DataChange
from tasks.promotion.outside import code, sentence
from tasks.promotion.table import shortened

MARKER = "<!-- shoprec ci retrain -->"
"""First in the comment, so that the next one takes its place."""
_DECISIONS = {
    "promote": "would serve: the gate promotes it",
    "hold": "would wait for a person: the gate holds it",
    "reject": "would be rejected by the gate",
}
_LONGEST_REASON, _LONGEST_VALUE, _MOST_PARAMS = 1000, 120, 40
_PARTS = (("read", "read"), ("kept", "kept"), ("quarantined", "quarantined"), ("cleaned", "cleaned out"))


def markdown(found: Comparison) -> str:
    blocks = [MARKER, *_verdict(found), _metrics(found), *_slices(found), *_data(found), *_params(found.params)]
    return "\n\n".join([*blocks, _steps(found), *_asked(found), _ending(found)]) + "\n"


def stopped(ref: str, why: str) -> str:
    """For a retrain that came to no evaluation."""
    words = why.replace("`" * 3, "'''")
    return "\n\n".join(
        [MARKER, f"## The retrain stopped, so nothing was compared with {code(ref)}", f"```text\n{words}\n```"]
    ) + ("\n\nNothing was registered, and what serves is as it was.\n")


def as_json(found: Comparison) -> dict[str, Any]:
    verdict = found.paired.verdict if found.paired else None
    return {
        "status": "compared" if verdict else "not compared",
        "why_not": found.why_not,
        "base": {"ref": found.base.ref, "commit": found.base.commit, "results": found.base.told},
        "commit": found.commit,
        "decision": verdict.decision if verdict else None,
        "reason": verdict.reason if verdict else None,
        "checks": verdict.as_dict()["checks"] if verdict else [],
        "other_places": found.paired.other_places if found.paired else None,
        "metrics": [asdict(metric) for metric in found.metrics],
        "params": [asdict(changed) for changed in found.params],
        "same_raw_data": found.same_raw,
        "data": asdict(found.data) if found.data else None,
        "stages": [asdict(run) for run in found.learned.runs],
        "seconds": found.learned.seconds,
    }


def _verdict(found: Comparison) -> Iterator[str]:
    ref = code(found.base.ref)
    if found.paired is None:
        yield f"## Retrained, and not to be held against {ref}"
        yield f"There is no verdict: {sentence(found.why_not)}."
        return
    verdict = found.paired.verdict
    if found.paired.other_places == 0:
        yield f"## This change recommends what {ref} does"
        yield "Not one place of a list differs, so there is nothing to judge."
        return
    yield f"## Against {ref}, this change {_DECISIONS[verdict.decision]}"
    yield f"**{verdict.decision}**: {sentence(verdict.reason, _LONGEST_REASON)}."
    yield f"{found.paired.other_places:.1%} of all places in the lists hold another item."


def _metrics(found: Comparison) -> str:
    rows = [_metric_row(metric) for metric in found.metrics]
    paired = "; differences are paired, shopper by shopper" if found.paired else ""
    note = f"Means over shoppers with 95 % intervals{paired}. Coverage is of all lists together and has none."
    head = [f"| | {code(found.base.ref)} | this change | difference | shoppers |", "|---|---|---|---|--:|"]
    return "\n".join([*head, *rows, "", note])


def _metric_row(metric: Metric) -> str:
    subject = f"{metric_title(metric.name)}, {TASK_NAMES.get(metric.task, metric.task)}"
    then, now = _with_interval(metric.base), _with_interval(metric.here)
    return f"| {subject} | {then} | {now} | {_difference(metric)} | {metric.users:,} |"


def _difference(metric: Metric) -> str:
    if metric.difference is not None:
        shown = (metric.difference["low"] or 0) > 0 or (metric.difference["high"] or 0) < 0
        words = f"{signed(metric.difference['value'])} ({signed_interval(metric.difference)})"
        return f"**{words}**" if shown else words
    before, now = (metric.base or {}).get("value"), metric.here["value"]
    if before is None or now is None:
        return "not known"
    return f"{signed(now - before)}, not paired" if "low" in metric.here else signed(now - before)


def _with_interval(found: Mapping[str, float | None] | None) -> str:
    if found is None:
        return "not known"
    return f"{number(found['value'])} ({interval(found)})" if "low" in found else number(found["value"])


def _slices(found: Comparison) -> Iterator[str]:
    """Those whose difference is beyond the margin that the gate allows, up or down, or that failed."""
    if found.paired is None:
        return
    judged = [check for check in found.paired.verdict.checks if check.quoted is not None and check.value is not None]
    moved = sorted((check for check in judged if _has_moved(check)), key=lambda check: check.value or 0.0)
    if not moved:
        yield f"No group of shoppers moved beyond its margin, of {len(judged)} that are large enough to be judged."
        return
    head = [
        f"### {len(moved)} of {len(judged)} groups of shoppers moved beyond their margin\n",
        "| group | difference | interval | margin | shoppers | gate |",
        "|---|--:|---|--:|--:|---|",
    ]
    yield "\n".join([*head, *map(_slice_row, moved)])


def _has_moved(check: Check) -> bool:
    return check.failed or abs(check.value or 0.0) > abs(check.threshold or 0.0)


def _slice_row(check: Check) -> str:
    ends = {"low": check.low, "high": check.high}
    margin = abs(check.threshold or 0.0)
    subject = f"{check.name.partition(',')[0]}: {code(check.quoted or '')}"
    judged = "**FAIL**" if check.failed else "pass"
    return (
        f"| {subject} | {signed(check.value)} | {signed_interval(ends)} | ±{number(margin)}"
        f" | {check.users or 0:,} | {judged} |"
    )


def _data(found: Comparison) -> Iterator[str]:
    same = {
        True: "The raw data is the same",
        False: "The raw data is another",
        None: "The base's raw data is not known",
    }
    yield f"### Data\n\n{same[found.same_raw]}; that of this change is {sentence(found.learned.data)}."
    rows = [*_rows_of_tables(found.base_quality, found.quality), *(_extent(found.data) if found.data else ())]
    head = [f"| | {code(found.base.ref)} | this change | more |", "|---|--:|--:|--:|"]
    yield "\n".join([*head, *rows]) if rows else "Rows read, kept and set aside are the same in every table."
    if found.data and found.data.new_items:
        yield f"{found.data.new_items:.1%} of the items are new: first seen after the base's newest event."


def _rows_of_tables(base: Mapping[str, Any] | None, here: Mapping[str, Any]) -> Iterator[str]:
    """What differs, and of an unknown base all."""
    for table in here["read"]:
        for part, words in _PARTS:
            now = here[part].get(table, 0)
            before = base.get(part, {}).get(table, 0) if base else None
            if before is None and now:
                yield f"| {table}, {words} | not known | {now:,} | |"
            elif before is not None and before != now:
                yield f"| {table}, {words} | {before:,} | {now:,} | {now - before:+,} |"


def _extent(change: DataChange) -> Iterator[str]:
    before, now = change.champion, change.challenger
    for words, was, has in (("users", before.users, now.users), ("items with an event", before.items, now.items)):
        if was != has:
            yield f"| {words} | {was:,} | {has:,} | {has - was:+,} |"
    if before.newest != now.newest:
        yield f"| newest event, UTC | {sentence(before.newest[:16])} | {sentence(now.newest[:16])} | |"


def _params(changes: Sequence[Changed]) -> Iterator[str]:
    if not changes:
        yield "### Params\n\n`params.yaml` is the same."
        return
    rows = [f"| {code(c.key)} | {_written(c.base)} | {_written(c.here)} |" for c in changes[:_MOST_PARAMS]]
    more = [f"\n{len(changes) - _MOST_PARAMS} more are not shown."] if len(changes) > _MOST_PARAMS else []
    yield "\n".join(["### Params\n", "| key | base | this change |", "|---|---|---|", *rows, *more])


def _written(value: str | None) -> str:
    return "not there" if value is None else code(value, _LONGEST_VALUE)


def _steps(found: Comparison) -> str:
    told = [
        f"{code(run.name)} {'unchanged' if run.skipped else f'{duration(run.seconds)}, {run.peak_mib:,.0f} MiB'}"
        for run in found.learned.runs
    ]
    return f"### Steps\n\n{' · '.join(told)}. All together {duration(found.learned.seconds)}."


def _asked(found: Comparison) -> Iterable[str]:
    if found.paired is None or found.paired.other_places == 0:
        return []
    table = shortened(found.paired.verdict.checks)
    return [f"<details><summary>What the gate asked</summary>\n\n{table}\n\n</details>"]


def _ending(found: Comparison) -> str:
    base = f"{code(found.base.ref)} at {code(found.base.commit[:12])}"
    results = f"results of the base: {found.base.told}" if found.base.told else ""
    told = f"This change at {code(found.commit[:12])}, the base {base}; {results}."
    not_asked = " Latency and size are measured when a version is judged for real, against what serves then."
    return f"<sub>{told}{not_asked} Nothing was registered.</sub>"
