"""The picture of a study: how its best value rose, which settings moved the value, and how."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tasks.tuning.judging import JUDGED
from tasks.tuning.space import Range, Space
from tasks.tuning.study import Tried

BEST, TRIALS, GIVEN_UP = "#4b3fd6", "#8d909c", "#c8640a"
_SLICES = 4
_DOT: dict[str, Any] = {"color": TRIALS, "markersize": 4}


def draw_study(tried: Sequence[Tried], importances: Mapping[str, float], space: Space, title: str, path: Path) -> None:
    complete = [trial for trial in tried if trial.value is not None]
    # Without importances, those that differ by orders of magnitude, as the space has them.
    shown = list(importances or space.ranges)[:_SLICES]
    with mpl.rc_context({"svg.hashsalt": "tuning", "svg.fonttype": "path", "font.size": 9}):
        figure = Figure(figsize=(10, 6.4), layout="constrained")
        figure.suptitle(title, x=0.01, ha="left")
        parts = figure.subfigures(2, 1, height_ratios=[1.2, 1], squeeze=False)[:, 0]
        history, shares = parts[0].subplots(1, 2, width_ratios=[1.6, 1])
        _draw_history(history, tried)
        _draw_importances(shares, importances)
        slices = parts[1].subplots(1, _SLICES, sharey=True)
        for axes, name in zip(slices, shown, strict=True):
            _draw_slice(axes, complete, name, space)
        slices[0].set_ylabel(JUDGED)
        for axes in (history, shares, *slices):
            axes.spines[["top", "right"]].set_visible(False)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format="svg", metadata={"Date": None})


def _draw_history(axes: Axes, tried: Sequence[Tried]) -> None:
    complete = [trial for trial in tried if trial.value is not None]
    pruned = [trial for trial in tried if trial.state == "pruned"]
    numbers, values = [t.number for t in complete], np.array([t.value for t in complete], np.float64)
    axes.plot(numbers, values, "o", label="a trial", **_DOT)
    axes.step(numbers, np.maximum.accumulate(values), where="post", color=BEST, label="the best so far")
    if pruned:
        first_weeks = [next(iter(trial.by_week.values())) for trial in pruned]
        numbers = [trial.number for trial in pruned]
        axes.plot(numbers, first_weeks, "x", color=GIVEN_UP, markersize=4, label="given up, its one week")
    axes.set(title="Trials", xlabel="number", ylabel=JUDGED)
    axes.legend(fontsize=7, frameon=False, loc="lower right")


def _draw_importances(axes: Axes, importances: Mapping[str, float]) -> None:
    names = list(importances)[::-1]
    axes.barh(names, [importances[name] for name in names], color=BEST)
    axes.set(title="What moved the value", xlabel="share of importance (PED-ANOVA)")
    if not names:
        axes.text(0.5, 0.5, "too few trials to tell", ha="center", transform=axes.transAxes)
        axes.set_yticks([])


def _draw_slice(axes: Axes, complete: Sequence[Tried], name: str, space: Space) -> None:
    of = space.ranges[name]
    given = [trial.settings[name] for trial in complete]
    values = np.array([trial.value for trial in complete], np.float64)
    if isinstance(of, Range):
        axes.plot([space.most_folds if value is None else value for value in given], values, "o", **_DOT)
    else:
        axes.plot([str(value) for value in given], values, "o", **_DOT)
    if isinstance(of, Range) and of.log:
        axes.set_xscale("log")
        ticks = [of.low, (of.low * of.high) ** 0.5, of.high]
        axes.set_xticks(ticks, [f"{tick:.2g}" for tick in ticks])
        axes.minorticks_off()
    axes.set_xlabel(name)
