"""What a run found, as tables of text: for the terminal, for Prefect's artifacts and for a version's description."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks.evaluation.evidence import SHOPREC
from tasks.evaluation.headline import TASK_NAMES, metric_title, shoppers, system_title


@dataclass(frozen=True)
class Line:
    """One system on one task: `values` by metric, each `{value, low, high}`."""

    system: str
    values: tuple[Mapping[str, float], ...]
    best: tuple[bool, ...]
    """Of each metric: whether no other system has a higher mean."""


def shown_metrics(evaluation: Mapping[str, Any]) -> tuple[str, str]:
    return evaluation["judged_by"], evaluation["beside"]


def comparison(evaluation: Mapping[str, Any], task: str) -> list[Line]:
    """The recommender first, then every retriever alone, the best of them first."""
    metrics, systems = shown_metrics(evaluation), evaluation["tasks"][task]["systems"]
    tops = {m: max(of[m]["value"] for of in systems.values()) for m in metrics}
    others = sorted((n for n in systems if n != SHOPREC), key=lambda n: -systems[n][metrics[0]]["value"])
    names = [SHOPREC] * (SHOPREC in systems) + others
    return [
        Line(
            n,
            tuple(systems[n][m] for m in metrics),
            tuple(systems[n][m]["value"] >= tops[m] for m in metrics),
        )
        for n in names
    ]


def with_interval(found: Mapping[str, float]) -> str:
    return f"{found['value']:.4f} ({found['low']:.4f} to {found['high']:.4f})"


def description(evaluation: Mapping[str, Any]) -> str:
    """Markdown: the headline, and a table a task."""
    metrics = shown_metrics(evaluation)
    parts = [f"**{evaluation['headline']}**"]
    for task in evaluation["tasks"]:
        judged = shoppers(evaluation["tasks"][task])
        rows = [f"| {' | '.join([TASK_NAMES[task], *(metric_title(m) for m in metrics)])} |", "|---|---|---|"]
        for line in comparison(evaluation, task):
            cells = [
                f"**{with_interval(v)}**" if best else with_interval(v)
                for v, best in zip(line.values, line.best, strict=True)
            ]
            rows.append(f"| {' | '.join([system_title(line.system), *cells])} |")
        parts.append("\n".join(rows) + f"\n\nMean and 95 % interval over {judged}; bold: the best.")
    return "\n\n".join(parts)


def flat_rows(evaluation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """For a table artifact: a row a task and system."""
    metrics = shown_metrics(evaluation)
    return [
        {"task": task, "system": system_title(line.system)}
        | {metric_title(m): with_interval(v) for m, v in zip(metrics, line.values, strict=True)}
        for task in evaluation["tasks"]
        for line in comparison(evaluation, task)
    ]


def kept_and_removed(quality: Mapping[str, Any]) -> str:
    """Markdown: rows read, kept and set aside, a table each, and why."""
    rows = ["| table | read | kept | quarantined | cleaned out |", "|---|--:|--:|--:|--:|"]
    for name, read in quality["read"].items():
        parts = [quality[part].get(name, 0) for part in ("kept", "quarantined", "cleaned")]
        rows.append(f"| {name} | {read:,} | {' | '.join(f'{n:,}' for n in parts)} |")
    reasons = [f"- {r['rows']:,} of {r['table']}: {r['reason']}" for r in quality["removals"] if r["rows"]]
    return "\n".join([*rows, "", *reasons])
