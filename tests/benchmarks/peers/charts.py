"""The charts of docs/benchmarks.md."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tasks.evaluation.headline import TASK_NAMES
from tasks.schema import TASKS, Task
from tests.benchmarks.peers.page import JUDGED, Benchmark

CHARTS = {
    "NDCG@10 with 95 % intervals, all weeks together": Path("images/benchmarks.svg"),
    "NDCG@10 week by week": Path("images/benchmarks-weeks.svg"),
}
"""Relative to the page."""
OURS, OTHERS = "#4b3fd6", "#8d909c"
LINES = ("#14828a", "#c8640a", "#4c7d1f", "#a8337d", "#8d909c")


def draw(found: Benchmark, folder: Path) -> None:
    pooled, weekly = CHARTS.values()
    with mpl.rc_context({"svg.hashsalt": "benchmarks", "svg.fonttype": "path", "font.size": 9}):
        for path, of_task, size in ((pooled, _draw_means, (9.5, 4.6)), (weekly, _draw_weeks, (9.5, 3.8))):
            figure = Figure(figsize=size, layout="constrained")
            for axes, task in zip(figure.subplots(1, 2), TASKS, strict=True):
                of_task(axes, found, task)
                axes.spines[["top", "right"]].set_visible(False)
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(folder / path, format="svg", metadata={"Date": None})


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
