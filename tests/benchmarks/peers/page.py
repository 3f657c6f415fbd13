"""The measured part of docs/benchmarks.md: tables of the last week and of all weeks, and the charts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from tasks.evaluation.formats import number, signed
from tasks.evaluation.headline import TASK_NAMES, metric_title
from tasks.schema import TASKS, Task
from tests.benchmarks.measured import replace_measured
from tests.benchmarks.peers.overview import Standing, table
from tests.benchmarks.peers.process import Cost
from tests.benchmarks.peers.scored import BEYOND, COVERAGE, NOVELTY, Mean, beyond, by_metric, differences, mean

JUDGED, BESIDE = "ndcg@10", ("recall@20", "ndcg@100")


@dataclass(frozen=True)
class Entrant:
    name: str
    values: Mapping[Task, Sequence[pd.DataFrame]]
    """A frame a week, the last week first: a row a user, a column a metric. Only of tasks that it serves."""
    costs: Sequence[Cost]
    tried: int | None
    """Settings that were tried on the validation week; None: shoprec's own params."""


@dataclass(frozen=True)
class Benchmark:
    day: date
    machine: str
    versions: Mapping[str, str]
    cutoffs: Sequence[date]
    """Of the tested weeks, the last one first."""
    validation: date
    entrants: Sequence[Entrant]
    """shoprec first."""
    draws: int
    seed: int

    @property
    def ours(self) -> Entrant:
        return self.entrants[0]

    def means(self, of: Entrant, task: Task, weeks: int) -> Mapping[str, Mean]:
        """Of the last so many weeks together."""
        return by_metric(of.values[task][:weeks], self.draws, self.seed)

    def lead(self, other: Entrant, task: Task, weeks: int) -> Mean:
        """Ours less theirs."""
        pairs = self.ours.values[task][:weeks], other.values[task][:weeks]
        return mean(differences(*pairs, JUDGED), self.draws, self.seed)

    def by_week(self, of: Entrant, task: Task) -> list[float]:
        return [float(week[JUDGED].mean()) for week in of.values[task]]

    def ranked(self, task: Task, weeks: int) -> list[Entrant]:
        """Those that serve the task in all of the weeks, the best first."""
        serve = [of for of in self.entrants if task in of.values and len(of.costs) >= weeks]
        return sorted(serve, key=lambda of: -self._mean_of[of.name, task, weeks])

    @cached_property
    def _mean_of(self) -> Mapping[tuple[str, Task, int], float]:
        return {
            (of.name, task, weeks): float(pd.concat(list(frames[:weeks]))[JUDGED].mean())
            for of in self.entrants
            for task, frames in of.values.items()
            for weeks in (1, len(self.cutoffs))
        }


def write_page(found: Benchmark, page: Path) -> None:
    """Writes the charts beside the page, and the page anew between its two marks."""
    from tests.benchmarks.peers.charts import CHARTS, draw  # matplotlib takes a second

    draw(found, page.parent)
    pictures = "\n\n".join(f"![{title}]({path})" for title, path in CHARTS.items())
    replace_measured(page, f"{in_words(found)}\n\n{pictures}")


def standings(found: Benchmark) -> list[Standing]:
    """Of the last week, in which all were fitted; the best on all purchases first, then who serves new items alone."""
    ranked = dict.fromkeys(of.name for task in TASKS for of in found.ranked(task, 1))
    entrants = {of.name: of for of in found.entrants}
    return [_standing(found, entrants[name]) for name in ranked]


def _standing(found: Benchmark, of: Entrant) -> Standing:
    quality: dict[Task, float] = {}
    lead: dict[Task, str] = {}
    for task in of.values:
        quality[task] = found.means(of, task, 1)[JUDGED].value
        by, ends = _lead(found, of, task, 1)
        lead[task] = by if of is found.ours else f"{by} ({ends})"
    middle = _middle(of)
    seconds = middle["fit_cpu_s"] + middle["recommend_cpu_s"]
    return Standing(of.name, of is found.ours, quality, lead, seconds, middle["peak_mib"])


def in_words(found: Benchmark) -> str:
    weeks = len(found.cutoffs)
    parts = [_setting(found), "### The last week: quality and cost", table(standings(found))]
    for task in TASKS:
        parts += [f"### {TASK_NAMES[task].capitalize()}, the last week", _last_week(found, task)]
    if weeks > 1:
        for task in TASKS:
            parts += [f"### {TASK_NAMES[task].capitalize()}, the last {weeks} weeks together", _pooled(found, task)]
    for task in TASKS:
        parts += [f"### {TASK_NAMES[task].capitalize()}, beyond accuracy", _beyond(found, task)]
    parts += ["### Seconds and memory", _costs(found)]
    return "\n\n".join(parts)


def _setting(found: Benchmark) -> str:
    first, last = min(found.cutoffs), max(found.cutoffs)
    users = {task: len(found.ours.values[task][0]) for task in TASKS}
    pairs = {task: sum(len(week) for week in found.ours.values[task]) for task in TASKS}
    scored = ", ".join(f"{users[task]:,} and {pairs[task]:,} on {TASK_NAMES[task]}" for task in TASKS)
    lines = [
        f"Measured on {found.day:%-d %B %Y}. Machine: {found.machine}.",
        f"Peers: {found.versions['peers']}. shoprec: {found.versions['shoprec']}.",
        f"Weeks: those that begin {first:%-d %B %Y} to {last:%-d %B %Y}; validation: that of"
        f" {found.validation:%-d %B}. Shoppers scored in the last week, and in all weeks: {scored}.",
    ]
    return "\n".join(f"- {line}" for line in lines)


def _last_week(found: Benchmark, task: Task) -> str:
    rows = [
        f"| | {metric_title(JUDGED)} | 95 % interval | shoprec's lead | its 95 % interval |"
        f" {' | '.join(metric_title(m) for m in BESIDE)} |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for of in found.ranked(task, 1):
        means = found.means(of, task, 1)
        cells = [_named(found, of), number(means[JUDGED].value), _ends(means[JUDGED]), *_lead(found, of, task, 1)]
        rows.append("| " + " | ".join([*cells, *(number(means[m].value) for m in BESIDE)]) + " |")
    return "\n".join(rows)


def _pooled(found: Benchmark, task: Task) -> str:
    weeks = len(found.cutoffs)
    rows = [
        f"| | {metric_title(JUDGED)} | weeks from … to | spread of weeks | shoprec's lead | its 95 % interval |"
        f" weeks that shoprec leads | {' | '.join(metric_title(m) for m in BESIDE)} |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    own = found.by_week(found.ours, task)
    for of in found.ranked(task, weeks):
        means, by_week = found.means(of, task, weeks), found.by_week(of, task)
        led = sum(ours > theirs for ours, theirs in zip(own, by_week, strict=True))
        cells = [
            _named(found, of),
            number(means[JUDGED].value),
            f"{number(min(by_week))} … {number(max(by_week))}",
            number(float(np.std(by_week, ddof=1))),
            *_lead(found, of, task, weeks),
            "–" if of is found.ours else f"{led} of {weeks}",
            *(number(means[m].value) for m in BESIDE),
        ]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _beyond(found: Benchmark, task: Task) -> str:
    weeks = len(found.cutoffs)
    rows = [
        f"| {_so_many(weeks)} | {metric_title(JUDGED)} | {' | '.join(metric_title(m) for m in BEYOND)} |",
        "|---|--:|--:|--:|--:|",
    ]
    for of in found.ranked(task, weeks):
        values = beyond(of.values[task][:weeks])
        cells = [_named(found, of), number(found.means(of, task, weeks)[JUDGED].value)]
        rows.append("| " + " | ".join([*cells, *(number(values[metric]) for metric in BEYOND)]) + " |")
    return "\n".join([_above_the_best(found, task), "", *rows])


def _above_the_best(found: Benchmark, task: Task) -> str:
    """The best peer is that of the highest NDCG."""
    weeks = len(found.cutoffs)
    peers = [of for of in found.ranked(task, weeks) if of is not found.ours]
    if not peers:
        return "There is no peer to compare with."
    ours, theirs = (beyond(of.values[task][:weeks]) for of in (found.ours, peers[0]))
    told = []
    for metric in (COVERAGE, NOVELTY):
        side = "above" if ours[metric] > theirs[metric] else "not above"
        told.append(f"{metric_title(metric)} of {number(ours[metric])} is {side} the {number(theirs[metric])}")
    return f"shoprec's {' and its '.join(told)} of the best peer, {peers[0].name}."


def _so_many(weeks: int) -> str:
    return "the last week" if weeks == 1 else f"the last {weeks} weeks"


def _costs(found: Benchmark) -> str:
    rows = [
        "| | fit, s | of processors | recommend, s | of processors | peak, MiB | settings tried |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for of in found.entrants:
        middle = _middle(of)
        seconds = [f"{middle[name]:,.1f}" for name in ("fit_s", "fit_cpu_s", "recommend_s", "recommend_cpu_s")]
        tried = "–" if of.tried is None else str(of.tried)
        rows.append("| " + " | ".join([_named(found, of), *seconds, f"{middle['peak_mib']:,.0f}", tried]) + " |")
    return "\n".join(rows)


def _middle(of: Entrant) -> dict[str, float]:
    """Medians over the weeks."""
    return {name: float(np.median([getattr(cost, name) for cost in of.costs])) for name in Cost.__dataclass_fields__}


def _named(found: Benchmark, of: Entrant) -> str:
    return f"**{of.name}**" if of is found.ours else of.name


def _lead(found: Benchmark, of: Entrant, task: Task, weeks: int) -> tuple[str, str]:
    if of is found.ours:
        return "–", "–"
    lead = found.lead(of, task, weeks)
    return signed(lead.value), f"{signed(lead.low)} to {signed(lead.high)}"


def _ends(of: Mean) -> str:
    return f"{number(of.low)} to {number(of.high)}"
