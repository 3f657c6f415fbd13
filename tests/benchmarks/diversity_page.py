"""The measured part of docs/diversity.md: what strengths give and cost, as tables and a chart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Literal

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tasks.evaluation.formats import MINUS, number
from tasks.evaluation.headline import TASK_NAMES, metric_title
from tasks.params.ranker import StrengthParams
from tasks.schema import TASKS, Task
from tests.benchmarks.measured import replace_measured
from tests.benchmarks.peers.scored import BEYOND, COVERAGE, DIVERSITY, NOVELTY, beyond, differences, mean

JUDGED, BESIDE = "ndcg@10", "recall@20"
FREE = 0.005
"""Share of NDCG@10 that counts as no loss."""
CHART = Path("images/diversity.svg")
"""Relative to the page."""
OURS, OTHERS = "#4b3fd6", "#8d909c"
Knob = Literal["novelty", "variety"]


@dataclass(frozen=True)
class Listed:
    """Of one strength."""

    strength: StrengthParams
    values: pd.DataFrame
    """A row a user, a column a metric."""
    seconds: float
    """To re-rank the lists of all users and fill them up."""

    @cached_property
    def means(self) -> Mapping[str, float]:
        return means(self.values)


@dataclass(frozen=True)
class Swept:
    """Of one task. The first strength of each knob is 0."""

    novelty: Sequence[Listed]
    variety: Sequence[Listed]
    peers: Mapping[str, pd.DataFrame]

    def of(self, knob: Knob) -> Sequence[Listed]:
        return self.novelty if knob == "novelty" else self.variety

    @property
    def best_peer(self) -> str | None:
        """Of the highest NDCG."""
        return max(self.peers, key=lambda name: means(self.peers[name])[JUDGED], default=None)

    def strongest(self, least: float) -> Listed:
        """The highest novelty at which NDCG@10 is not below `least`; else none at all."""
        return max(
            (listed for listed in self.novelty if listed.means[JUDGED] >= least),
            key=lambda listed: listed.strength.novelty,
            default=self.novelty[0],
        )


@dataclass(frozen=True)
class Found:
    day: date
    cutoff: date
    swept: Mapping[Task, Swept]
    places: int
    head: int
    draws: int
    seed: int


def means(values: pd.DataFrame) -> Mapping[str, float]:
    return {**{metric: float(values[metric].mean()) for metric in (JUDGED, BESIDE)}, **beyond([values])}


def write_page(found: Found, page: Path) -> None:
    """Writes the chart beside the page, and the page anew between its two marks."""
    _draw(found, page.parent / CHART)
    picture = f"![What novelty and variety cost]({CHART})"
    replace_measured(page, f"{in_words(found)}\n\n{picture}")


def in_words(found: Found) -> str:
    users = ", ".join(f"{len(of.novelty[0].values):,} on {TASK_NAMES[task]}" for task, of in found.swept.items())
    parts = [
        f"Measured on {found.day:%-d %B %Y}, on the week that begins {found.cutoff:%-d %B %Y}. Shoppers: {users}."
        f" {found.places} places are chosen from the ranker's best {found.head}."
    ]
    for task, of in found.swept.items():
        parts.append("\n".join(_claims(of, task)))
        parts += [f"### {TASK_NAMES[task].capitalize()}", *(_table(found, of, knob) for knob in ("novelty", "variety"))]
        if of.peers:
            parts.append(_peers(of))
    return "\n\n".join(parts)


def _claims(of: Swept, task: Task) -> list[str]:
    base, free = of.novelty[0].means, of.strongest((1 - FREE) * of.novelty[0].means[JUDGED])
    lines = [
        f"- On {TASK_NAMES[task]}, novelty {free.strength.novelty:g} is the highest tried at which no more than"
        f" {FREE:.1%} of NDCG@10 was lost: {_beyond(free.means)}, instead of {_beyond(base)} without."
    ]
    if of.best_peer is not None:
        theirs = means(of.peers[of.best_peer])
        equal = of.strongest(theirs[JUDGED])
        lines.append(
            f"- The best peer, {of.best_peer}, has {_beyond(theirs)} at NDCG@10 {number(theirs[JUDGED])}."
            f" At novelty {equal.strength.novelty:g} shoprec has no less NDCG@10 than that"
            f" ({number(equal.means[JUDGED])}), and {_beyond(equal.means)}."
        )
    return lines


def _beyond(of: Mapping[str, float]) -> str:
    return " and ".join(f"{metric_title(metric)} {number(of[metric])}" for metric in (COVERAGE, NOVELTY))


def _table(found: Found, of: Swept, knob: Knob) -> str:
    rows = [
        f"| {knob} | {metric_title(JUDGED)} | of it lost | its 95 % interval | {metric_title(BESIDE)} |"
        f" {' | '.join(metric_title(m) for m in BEYOND)} | s |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    first = of.of(knob)[0]
    for listed in of.of(knob):
        values = listed.means
        lost = mean(differences([first.values], [listed.values], JUDGED), found.draws, found.seed)
        shares = [_share(end / first.means[JUDGED]) for end in (lost.value, lost.low, lost.high)]
        cells = [f"{getattr(listed.strength, knob):g}", number(values[JUDGED])]
        cells += ["–", "–"] if listed is first else [shares[0], f"{shares[1]} to {shares[2]}"]
        cells += [number(values[metric]) for metric in (BESIDE, *BEYOND)]
        rows.append("| " + " | ".join([*cells, f"{listed.seconds:.2f}"]) + " |")
    return "\n".join(rows)


def _share(of: float) -> str:
    return f"{of:.1%}".replace("-", MINUS)


def _peers(of: Swept) -> str:
    rows = [
        f"| peer | {' | '.join(metric_title(m) for m in (JUDGED, BESIDE, *BEYOND))} |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    by_name = {name: means(values) for name, values in of.peers.items()}
    for name in sorted(by_name, key=lambda name: -by_name[name][JUDGED]):
        values = " | ".join(number(by_name[name][metric]) for metric in (JUDGED, BESIDE, *BEYOND))
        rows.append(f"| {name} | {values} |")
    return "\n".join(rows)


def _draw(found: Found, path: Path) -> None:
    shown: list[tuple[str, Knob]] = [(COVERAGE, "novelty"), (NOVELTY, "novelty"), (DIVERSITY, "variety")]
    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"svg.hashsalt": "diversity", "svg.fonttype": "path", "font.size": 9}):
        figure = Figure(figsize=(9.5, 10), layout="constrained")
        for row, (metric, knob) in zip(figure.subplots(len(shown), len(TASKS)), shown, strict=True):
            for axes, task in zip(row, TASKS, strict=True):
                _draw_cost(axes, found.swept[task], metric, knob)
                axes.set(title=TASK_NAMES[task], xlabel="NDCG@10", ylabel=metric_title(metric))
                axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(path, format="svg", metadata={"Date": None})


def _draw_cost(axes: Axes, of: Swept, metric: str, knob: Knob) -> None:
    """What is further right and higher is better."""
    line = [listed.means for listed in of.of(knob)]
    axes.plot([m[JUDGED] for m in line], [m[metric] for m in line], marker="o", markersize=3, color=OURS)
    for listed, at in zip(of.of(knob), line, strict=True):
        told = f" {knob} {getattr(listed.strength, knob):g}"
        axes.annotate(told, (at[JUDGED], at[metric]), fontsize=6, color=OURS, va="bottom")
    axes.axvline((1 - FREE) * line[0][JUDGED], color=OURS, linewidth=0.6, linestyle=":")
    for name, values in of.peers.items():
        at = means(values)
        axes.plot(at[JUDGED], at[metric], marker="s", markersize=3, color=OTHERS)
        axes.annotate(f" {name}", (at[JUDGED], at[metric]), fontsize=6, color=OTHERS, va="top")
