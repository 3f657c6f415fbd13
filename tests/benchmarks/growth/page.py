"""The measured part of docs/growth.md: what each step took at each size, how it grows, and what ends it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.benchmarks.growth.exponent import LINEAR, Growth
from tests.benchmarks.growth.measured import Measured
from tests.benchmarks.measured import replace_measured
from tests.benchmarks.peers.process import Took

CHART = Path("images/growth.svg")
"""Relative to the page."""
GOAL = 150_000_000
LONG_S = 24 * 3600
"""A retrain that takes longer is no nightly one."""
COLOURS = ("#8d909c", "#14828a", "#4c7d1f", "#4b3fd6", "#c8640a", "#a8337d")
_MIB_A_GIB = 1024
Of = Callable[[Took], float]


@dataclass(frozen=True)
class Benchmark:
    day: date
    machine: str
    memory_mib: float
    sizes: Sequence[Measured]
    """The smallest first."""

    @property
    def steps(self) -> list[str]:
        return list(max((size.costs for size in self.sizes), key=len))

    def costs(self, step: str, of: Of) -> dict[int, float]:
        """By events, where the step came to its end."""
        return {size.events: of(size.costs[step]) for size in self.sizes if step in size.costs}

    @cached_property
    def seconds(self) -> Mapping[str, Growth]:
        """Of processors."""
        return self._growth(processors)

    @cached_property
    def memory(self) -> Mapping[str, Growth]:
        return self._growth(peak)

    def _growth(self, of: Of) -> dict[str, Growth]:
        found = {step: self.costs(step, of) for step in self.steps}
        return {step: Growth.of(list(costs), list(costs.values())) for step, costs in found.items() if len(costs) > 1}


def processors(took: Took) -> float:
    return took.cpu_s


def peak(took: Took) -> float:
    return took.peak_mib


def write_page(found: Benchmark, page: Path) -> None:
    """Writes the chart beside the page, and the page anew between its two marks."""
    _draw(found, page.parent / CHART)
    chart = f"![Processor seconds and peak memory of each step, by events]({CHART.as_posix()})"
    replace_measured(page, f"{in_words(found)}\n\n{chart}")


def in_words(found: Benchmark) -> str:
    return "\n\n".join(
        [
            _setting(found),
            "### Processor seconds",
            _table(found, processors, found.seconds, ",.1f"),
            "### Peak memory, MiB",
            _table(found, peak, found.memory, ",.0f"),
            "### Seconds on the clock",
            _table(found, lambda took: took.seconds, {}, ",.1f"),
            f"### On to {_millions(GOAL)} events",
            _verdict(found),
            _on(found),
            _ends(found),
        ]
    )


def _setting(found: Benchmark) -> str:
    sizes = ", ".join(f"{size.events:,}" for size in found.sizes)
    lines = [f"Measured on {found.day:%-d %B %Y}. Machine: {found.machine}.", f"Made-up shops of {sizes} events."]
    lines += [
        f"At {size.events:,} events the step {size.stopped} was ended: it held more than it was allowed here."
        for size in found.sizes
        if size.stopped
    ]
    return "\n".join(f"- {line}" for line in lines)


def _table(found: Benchmark, of: Of, growth: Mapping[str, Growth], form: str) -> str:
    exponents = ["exponent", "of the last step up"] if growth else []
    heads = ["step", *(f"{size.events:,}" for size in found.sizes), *exponents]
    rows = ["| " + " | ".join(heads) + " |", "|---" + "|--:" * (len(heads) - 1) + "|"]
    for step in found.steps:
        costs = found.costs(step, of)
        cells = [format(costs[size.events], form) if size.events in costs else "–" for size in found.sizes]
        if growth:
            cells += [_marked(growth[step].fitted), _marked(growth[step].last)] if step in growth else ["–", "–"]
        rows.append("| " + " | ".join([step, *cells]) + " |")
    return "\n".join(rows)


def _marked(exponent: float) -> str:
    return f"**{exponent:.2f}**" if exponent > LINEAR else f"{exponent:.2f}"


def _verdict(found: Benchmark) -> str:
    parts = []
    for name, growth in (("Processor seconds", found.seconds), ("Peak memory", found.memory)):
        linear = [step for step, of in growth.items() if of.is_linear]
        above = [f"{step} ({of.exponent:.2f})" for step, of in growth.items() if not of.is_linear]
        parts.append(f"- {name}: exponent at most {LINEAR} in {_listed(linear)}; above it in {_listed(above)}.")
    return "\n".join(parts)


def _on(found: Benchmark) -> str:
    heads = (
        f"| step | processor hours at {_millions(GOAL)} | GiB at {_millions(GOAL)} | this machine's memory is full at |"
    )
    rows = [heads, "|---|--:|--:|--:|"]
    for step, memory in found.memory.items():
        hours, gib = found.seconds[step].at(GOAL) / 3600, memory.at(GOAL) / _MIB_A_GIB
        rows.append(f"| {step} | {hours:,.1f} | {gib:,.0f} | {_millions(memory.reaches(found.memory_mib))} events |")
    return "\n".join(rows)


def _ends(found: Benchmark) -> str:
    """What stops it, and where."""
    room = found.memory_mib
    full = {step: growth.reaches(room) for step, growth in found.memory.items()}
    first = min(full, key=lambda step: full[step])
    slowest = max(found.seconds, key=lambda step: found.seconds[step].at(GOAL))
    total = sum(growth.at(GOAL) for growth in found.seconds.values())
    lines = [
        f"Memory first: **{first}** fills this machine's {room / _MIB_A_GIB:.0f} GiB at {_millions(full[first])}"
        f" events, and would hold {found.memory[first].at(GOAL) / _MIB_A_GIB:,.0f} GiB at {_millions(GOAL)}."
        if full[first] < GOAL
        else f"Memory does not: {first}, which fills it first, would at {_millions(full[first])} events.",
        f"Time: all steps together would take {total / 3600:,.0f} processor hours at {_millions(GOAL)} events,"
        f" {found.seconds[slowest].at(GOAL) / total:.0%} of it {slowest}.",
    ]
    return "\n".join(f"- {line}" for line in lines)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "none"


def _millions(events: float) -> str:
    return f"{events / 1e6:,.0f} million" if events < 1e12 else "more than a million million"


def _draw(found: Benchmark, path: Path) -> None:
    with mpl.rc_context({"svg.hashsalt": "growth", "svg.fonttype": "path", "font.size": 9}):
        figure = Figure(figsize=(9.5, 4.8), layout="constrained")
        left, right = figure.subplots(1, 2)
        _draw_one(left, found, processors, "processor seconds")
        _draw_one(right, found, peak, "peak memory, MiB")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format="svg", metadata={"Date": None})


def _draw_one(axes: Axes, found: Benchmark, of: Of, title: str) -> None:
    for step, colour in zip(found.steps, COLOURS, strict=False):
        costs = found.costs(step, of)
        power = f", {Growth.of(list(costs), list(costs.values())).exponent:.2f}" if len(costs) > 1 else ""
        label = f"{step}{power}"
        axes.plot(list(costs), list(costs.values()), marker="o", markersize=4, color=colour, label=label)
    ends = np.array([found.sizes[0].events, found.sizes[-1].events], float)
    least = min(cost for step in found.steps for cost in found.costs(step, of).values())
    axes.plot(ends, least * ends / ends[0], "--", color="black", linewidth=1, label="linear")
    axes.set(title=title, xlabel="events", xscale="log", yscale="log")
    axes.spines[["top", "right"]].set_visible(False)
    measured = [size.events for size in found.sizes]
    axes.set_xticks(measured, [f"{events / 1e6:.1f} million" for events in measured])
    axes.set_xticks([], minor=True)
    below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.16), "ncols": 4}
    axes.legend(fontsize=7, frameon=False, title="step, exponent", title_fontsize=7, **below)
