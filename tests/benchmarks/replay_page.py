"""The replayed part of docs/monitoring.md: what each policy kept and cost, as a table and a chart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tasks.evaluation.headline import TASK_NAMES
from tasks.schema import TASKS, Task
from tests.benchmarks.measured import replace_measured

MARKS = ("<!-- replayed: begin -->", "<!-- replayed: end -->")
CHART = Path("images/replay.svg")
"""Relative to the page."""
COLOURS = ("#8d909c", "#14828a", "#4b3fd6", "#c8640a", "#4c7d1f", "#a8337d")


@dataclass(frozen=True)
class Played:
    name: str
    retrains: int
    minutes: float
    """Of one processor, for all of the retrains after the first."""
    by_week: Mapping[Task, Mapping[int, float]]
    """Fold to the mean NDCG@10."""
    gains: Mapping[Task, tuple[float, float, float]]
    """Over never retraining: mean, low and high."""
    serving: Mapping[int, int]

    @property
    def served(self) -> int:
        """New rankers that served."""
        return len(set(self.serving.values())) - 1

    def mean(self, task: Task) -> float:
        return float(np.mean(list(self.by_week[task].values())))


@dataclass(frozen=True)
class Replay:
    cutoffs: Sequence[date]
    policies: Sequence[Played]
    between: Sequence[tuple[str, str, Task, tuple[float, float, float]]]
    """Of two policies, by how much the first one is better on a task: mean, low and high."""
    alarms: Sequence[tuple[str, int, int]]
    """Measure, how often it alarmed, how often it was judged."""


def write_page(found: Replay, page: Path) -> None:
    """Writes the chart beside the page, and the page anew between its two marks."""
    _draw(found, page.parent / CHART)
    replace_measured(page, in_words(found), MARKS)


def in_words(found: Replay) -> str:
    weeks = len(found.policies[0].serving)
    first, last = (found.cutoffs[fold] for fold in (min(found.policies[0].serving), max(found.policies[0].serving)))
    lines = [
        f"{weeks} weeks were played, those that begin {first:%-d %B %Y} to {last:%-d %B %Y}.",
        "",
        f"| retrain | retrains | of them served | processor min | NDCG@10, {TASK_NAMES['all']} | gain over never |"
        f" NDCG@10, {TASK_NAMES['new']} | gain over never |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for of in found.policies:
        cells = [f"{of.mean(task):.4f} | {_gain(of, task)}" for task in TASKS]
        lines.append(f"| {of.name} | {of.retrains} | {of.served} | {of.minutes:.0f} | {' | '.join(cells)} |")
    rates = [f"{measure} {n} of {of}" for measure, n, of in found.alarms]
    differences = [
        f"- {one} over {other}, {TASK_NAMES[task]}: {mean:+.4f} ({low:+.4f} to {high:+.4f})"
        for one, other, task, (mean, low, high) in found.between
    ]
    lines += [
        "",
        *differences,
        "",
        "Gains are paired, with 95 % intervals; shoppers are drawn with all of their weeks.",
        "",
        f"![NDCG@10 kept against compute spent, and week by week]({CHART})",
        "",
        "Alarms in a week right after the ranker's own data, where nothing is known to have happened: "
        + "; ".join(rates)
        + ".",
    ]
    return "\n".join(lines)


def _gain(of: Played, task: Task) -> str:
    mean, low, high = of.gains[task]
    return "–" if not of.retrains else f"{mean:+.4f} ({low:+.4f} to {high:+.4f})"


def _draw(found: Replay, path: Path) -> None:
    with mpl.rc_context({"svg.hashsalt": "replay", "svg.fonttype": "path", "font.size": 9}):
        figure = Figure(figsize=(9.5, 6.4), layout="constrained")
        for row, task in enumerate(TASKS):
            kept, weekly = (figure.add_subplot(2, 2, 2 * row + place) for place in (1, 2))
            _draw_kept(kept, found, task)
            _draw_weeks(weekly, found, task)
        figure.savefig(path, format="svg", metadata={"Date": None})


def _draw_kept(axes: Axes, found: Replay, task: Task) -> None:
    for of, colour in zip(found.policies, COLOURS, strict=True):
        mean, low, high = of.gains[task]
        axes.errorbar(of.minutes, mean, [[mean - low], [high - mean]], fmt="o", color=colour, capsize=3, label=of.name)
    axes.axhline(0, color="#d9d9d9", linewidth=1, zorder=0)
    axes.set(
        title=f"{TASK_NAMES[task]}: kept", xlabel="processor minutes of retrains", ylabel="gain over never, NDCG@10"
    )
    axes.legend(fontsize=7, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_weeks(axes: Axes, found: Replay, task: Task) -> None:
    """Four weeks are averaged, or what a week is like would hide what the policies differ by."""
    never = found.policies[0].by_week[task]
    folds = sorted(never)
    for of, colour in zip(found.policies[1:], COLOURS[1:], strict=True):
        gain = np.array([of.by_week[task][fold] - never[fold] for fold in folds])
        smooth = np.convolve(gain, np.ones(4) / 4, mode="valid")
        axes.plot(
            np.array([found.cutoffs[fold] for fold in folds[3:]], np.datetime64), smooth, color=colour, linewidth=1.4
        )
    axes.axhline(0, color="#d9d9d9", linewidth=1, zorder=0)
    axes.set(title=f"{TASK_NAMES[task]}: gain over never, mean of four weeks")
    axes.tick_params(axis="x", rotation=30)
    axes.spines[["top", "right"]].set_visible(False)
