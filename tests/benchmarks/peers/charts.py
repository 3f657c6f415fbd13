"""The charts of docs/benchmarks.md."""

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tasks.evaluation.headline import TASK_NAMES
from tasks.schema import TASKS, Task
from tests.benchmarks.peers.overview import Standing, undominated
from tests.benchmarks.peers.page import JUDGED, Benchmark, standings

CHARTS = {
    "NDCG@10 with 95 % intervals, all weeks together": Path("images/benchmarks.svg"),
    "NDCG@10 week by week": Path("images/benchmarks-weeks.svg"),
    "NDCG@10 in the last week, by what it takes": Path("images/benchmarks-costs.svg"),
}
"""Relative to the page."""
OURS, OTHERS = "#4b3fd6", "#8d909c"
LINES = ("#14828a", "#c8640a", "#4c7d1f", "#a8337d", "#8d909c")


def draw(found: Benchmark, folder: Path) -> None:
    pooled, weekly, costs = (folder / path for path in CHARTS.values())
    _save(pooled, lambda axes, task: _draw_means(axes, found, task), 4.6)
    _save(weekly, lambda axes, task: _draw_weeks(axes, found, task), 3.8)
    draw_costs(standings(found), costs)


def draw_costs(standing: Sequence[Standing], path: Path) -> None:
    """Points have the numbers of their rows: names would lie on each other."""
    rows = [
        Line2D([], [], linestyle="", marker=f"${row}$", color="black", label=of.name)
        for row, of in enumerate(standing, start=1)
    ]
    _save(path, lambda axes, task: _draw_costs(axes, standing, task), 4.6, rows)


def _save(path: Path, of_task: Callable[[Axes, Task], None], height: float, legend: Sequence[Line2D] = ()) -> None:
    with mpl.rc_context({"svg.hashsalt": "benchmarks", "svg.fonttype": "path", "font.size": 9}):
        figure = Figure(figsize=(9.5, height), layout="constrained")
        for axes, task in zip(figure.subplots(1, 2), TASKS, strict=True):
            of_task(axes, task)
            axes.spines[["top", "right"]].set_visible(False)
        if legend:
            figure.legend(handles=legend, loc="outside right upper", frameon=False, fontsize=8)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format="svg", metadata={"Date": None})


def _draw_means(axes: Axes, found: Benchmark, task: Task) -> None:
    weeks = len(found.cutoffs)
    for place, of in enumerate(found.ranked(task, weeks)):
        mean = found.means(of, task, weeks)[JUDGED]
        ends = [[mean.value - mean.low], [mean.high - mean.value]]
        axes.errorbar(mean.value, place, xerr=ends, fmt="o", capsize=3, color=OURS if of is found.ours else OTHERS)
    names = [of.name for of in found.ranked(task, weeks)]
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.set(title=f"{TASK_NAMES[task]}, {weeks} week{'s' if weeks > 1 else ''}", xlabel="NDCG@10")


def _draw_weeks(axes: Axes, found: Benchmark, task: Task) -> None:
    """shoprec and the best few of the others."""
    ranked = found.ranked(task, len(found.cutoffs))
    others = [of for of in ranked if of is not found.ours][: len(LINES)]
    at = np.array(found.cutoffs, np.datetime64)
    for of, colour in ((found.ours, OURS), *zip(others, LINES, strict=False)):
        width = 2.2 if of is found.ours else 1.2
        axes.plot(at, found.by_week(of, task), marker="o", markersize=3, color=colour, linewidth=width, label=of.name)
    axes.set(title=f"{TASK_NAMES[task]}, week by week", ylabel="NDCG@10")
    axes.set_ylim(bottom=0)
    axes.tick_params(axis="x", rotation=30)
    axes.legend(fontsize=7, frameon=False)


def _draw_costs(axes: Axes, standing: Sequence[Standing], task: Task) -> None:
    """The line joins those that no other beats at no more cost."""
    best = undominated(standing, task)
    line = [of.seconds for of in best], [of.quality[task] for of in best]
    axes.plot(*line, drawstyle="steps-post", color=OTHERS, linewidth=0.8, linestyle=":")
    for row, of in enumerate(standing, start=1):
        if task not in of.quality:
            continue
        at = of.seconds, of.quality[task]
        axes.scatter(*at, s=of.peak_mib / 12, alpha=0.8, linewidths=0, color=OURS if of.is_ours else OTHERS)
        axes.annotate(str(row), at, xytext=(4, 4), textcoords="offset points", fontsize=8)
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    seconds = "processor seconds; area: peak memory"
    axes.set(title=f"{TASK_NAMES[task]}, last week", xlabel=seconds, ylabel="NDCG@10")
