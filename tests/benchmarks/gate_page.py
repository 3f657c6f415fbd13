"""The simulated part of docs/promotion.md: numbers in words and a table, and the chart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

from tasks.evaluation.headline import metric_title
from tasks.params.promotion import PromotionParams
from tasks.schema import Task
from tests.benchmarks.measured import replace_measured

MARKS = ("<!-- simulated: begin -->", "<!-- simulated: end -->")
CHART = Path("images/promotion.svg")
"""Relative to the page."""
COLOURS = {"promoted": "#2a9d5c", "held": "#d9d9d9", "rejected": "#c8553d"}


@dataclass(frozen=True)
class Power:
    """Shares of gates, and of runs of four of them, for a challenger of a known effect."""

    name: str
    gates: int
    promoted: float
    held: float
    rejected: float
    promoted_in_run: float
    rejected_in_run: float


@dataclass(frozen=True)
class Simulated:
    day: date
    minutes: float
    params: PromotionParams
    users: Mapping[Task, int]
    spread: Mapping[Task, float]
    first_promotions: Sequence[int | None]
    """Of each year of equals, the first gate that promoted."""
    promoted_gates: int
    in_full: int
    found_among_nearest: int
    """Of the promoted gates, those that the first look had refused."""
    powers: Sequence[Power]

    @property
    def wrong_years(self) -> int:
        return sum(first is not None for first in self.first_promotions)


def upper_bound(errors: int, of: int) -> float:
    """Clopper and Pearson's, one-sided, 95 %."""
    return float(stats.binomtest(errors, of, alternative="less").proportion_ci(0.95, "exact").high)


def write_page(found: Simulated, page: Path) -> None:
    """Replaces what is between the page's two markers, and the chart."""
    chart = f"![Wrong promotions over a year, and decisions by true effect]({CHART.as_posix()})"
    replace_measured(page, f"{numbers(found)}\n\n{chart}", MARKS)
    _draw(found, page.parent / CHART)


def numbers(found: Simulated) -> str:
    effects = [
        "| effect | promoted | held | rejected | promoted within four | rejected within four |",
        "|---|---|---|---|---|---|",
        *(_row(power) for power in found.powers),
    ]
    return "\n\n".join([_setting(found), _of_equals(found), _of_effects(found), "\n".join(effects)])


def _setting(found: Simulated) -> str:
    users = " and ".join(f"{n:,} on task {task}" for task, n in found.users.items())
    spread = " and ".join(f"{of:.3f} on task {task}" for task, of in found.spread.items())
    return (
        f"Simulated on {found.day:%-d %B %Y} in {found.minutes:.0f} minutes. Users: {users}. Between equals, a user's"
        f" {metric_title(found.params.metric)} differs by {spread} (standard deviation)."
    )


def _of_equals(found: Simulated) -> str:
    years, wrong = len(found.first_promotions), found.wrong_years
    gates = years * found.params.gates
    return (
        f"**No challenger is better.** {wrong} of {years:,} years of {found.params.gates} weekly gates"
        f" ({wrong / years:.1%}) had any promotion; with 95 % confidence it is at most"
        f" **{upper_bound(wrong, years):.1%}** of years, where {found.params.alpha:.0%} is promised."
        f" {found.promoted_gates} of {gates:,} gates promoted ({found.promoted_gates / gates:.3%}). {found.in_full:,}"
        f" gates were judged in full; a first look that errs on the side of the challenger had refused the others. Of"
        " those, the one that came nearest in each year was judged in full too, and counts:"
        f" {found.found_among_nearest} promoted."
    )


def _of_effects(found: Simulated) -> str:
    gates = found.powers[0].gates if found.powers else 0
    return (
        f"**Challengers of a known effect**, in shares of each user's value, on both tasks where nothing else is said."
        f" {gates:,} gates each; the last two columns take the same gates as runs of four weeks."
    )


def _row(power: Power) -> str:
    shares = (power.promoted, power.held, power.rejected, power.promoted_in_run, power.rejected_in_run)
    return f"| {power.name} | " + " | ".join(f"{share:.0%}" for share in shares) + " |"


def _draw(found: Simulated, path: Path) -> None:
    with mpl.rc_context({"svg.hashsalt": "gate", "svg.fonttype": "path", "font.size": 9}):
        figure = Figure(figsize=(9.5, 4.6), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.3))
        _draw_years(left, found)
        _draw_power(right, found.powers)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None})


def _draw_years(axes: Axes, found: Simulated) -> None:
    weeks = np.arange(found.params.gates + 1)
    firsts = np.array([first for first in found.first_promotions if first is not None])
    share = np.array([(firsts <= week).sum() for week in weeks]) / len(found.first_promotions)
    axes.plot(
        weeks, 100 * found.params.alpha * weeks / found.params.gates, "--", color="black", label="promised at most"
    )
    axes.step(weeks, 100 * share, where="post", color=COLOURS["rejected"], label="simulated")
    axes.set(title="No challenger is better", xlabel="weekly gates", ylabel="% of years with a wrong promotion")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_power(axes: Axes, powers: Sequence[Power]) -> None:
    names, start = [power.name.replace(", ", ",\n") for power in powers], np.zeros(len(powers))
    for status, colour in COLOURS.items():
        share = np.array([100 * getattr(power, status) for power in powers])
        axes.barh(names, share, left=start, color=colour, label=status)
        start = start + share
    in_four = [100 * power.promoted_in_run for power in powers]
    axes.plot(in_four, names, "D", color="black", markersize=4, label="promoted within four")
    axes.invert_yaxis()
    axes.set(title="Decisions by true effect, one gate", xlabel="% of gates", xlim=(0, 100))
    axes.legend(frameon=False, ncols=2, loc="upper center", bbox_to_anchor=(0.4, -0.16))
    axes.spines[["top", "right"]].set_visible(False)
