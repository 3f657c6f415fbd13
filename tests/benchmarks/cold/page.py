"""The measured part of docs/cold-start.md: what newcomers and new items get against popularity, with a chart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tasks.evaluation.formats import number, signed
from tasks.evaluation.headline import TASK_NAMES
from tasks.schema import TASKS, Task
from tests.benchmarks.cold.items import CONTENT
from tests.benchmarks.cold.shoppers import POPULAR, RANKER, SERVED, UNPROMOTED
from tests.benchmarks.measured import replace_measured
from tests.benchmarks.peers.scored import Mean, differences, mean

CHART = Path("images/cold.svg")
"""Relative to the page."""
COLOURS = {SERVED: "#4b3fd6", UNPROMOTED: "#8d909c"}
Group = tuple[int, Task]
"""Events known, and the task."""
Values = Sequence[pd.DataFrame]
"""A week each: a row a user, a column a system."""


@dataclass(frozen=True)
class Found:
    day: date
    first: date
    last: date
    weeks: int
    parts: int
    shoppers: Mapping[Group, Values]
    with_attributes: pd.Index
    """Ids of users."""
    ranked: Mapping[Group, Values]
    """Of the newest week, with the ranker's lists."""
    items: Mapping[str, Values]
    draws: int
    seed: int

    def of(self, task: Task) -> dict[str, Values]:
        """What is known to the values, the least first."""
        known = {events: values for (events, of_task), values in self.shoppers.items() if of_task == task}
        found: dict[str, Values] = {}
        for events in sorted(known):
            found[f"{events or 'no'} event{'' if events == 1 else 's'}"] = known[events]
            if events == 0:
                attributed = [week[week.index.isin(self.with_attributes)] for week in known[0]]
                if any(len(week) for week in attributed):
                    found["no events, but attributes"] = attributed
        return found

    def more(self, values: Values, ours: str, theirs: str) -> Mean:
        return mean(differences(_column(values, ours), _column(values, theirs), _ONE), self.draws, self.seed)


_ONE = "ndcg"


def _column(values: Values, name: str) -> list[pd.DataFrame]:
    return [week[[name]].rename(columns={name: _ONE}) for week in values]


def _mean(values: Values, name: str) -> float:
    return float(pd.concat([week[name] for week in values]).mean())


def write_page(found: Found, page: Path) -> None:
    """Writes the chart beside the page, and the page anew between its two marks."""
    _draw(found, page.parent / CHART)
    picture = f"![How much better than popularity newcomers are served]({CHART})"
    replace_measured(page, f"{in_words(found)}\n\n{picture}")


def in_words(found: Found) -> str:
    parts = [
        f"Measured on {found.day:%-d %B %Y}, on the {found.weeks} weeks that begin {found.first:%-d %B %Y} to"
        f" {found.last:%-d %B %Y}. NDCG@10; differences are paired, with 95 % bootstrap intervals over shoppers, each"
        f" drawn with all of their weeks. In every week each shopper with a label is cold once: they are cut into"
        f" {found.parts} parts, and one part is cold while all others are known.",
        _claim(found),
    ]
    for task in TASKS:
        parts += [f"### {TASK_NAMES[task].capitalize()}, by what is known of the shopper", _shoppers(found, task)]
    if found.ranked:
        parts += ["### The ranker instead", _ranked(found)]
    parts += ["### Items that nobody bought", _items(found)]
    return "\n\n".join(parts)


def _claim(found: Found) -> str:
    of = {(told, task): found.more(v, SERVED, POPULAR) for task in TASKS for told, v in found.of(task).items()}
    failed = [f"{told} on {TASK_NAMES[task]}" for (told, task), more in of.items() if more.low <= 0]
    if failed:
        return f"Not shown to be above popularity: {', '.join(failed)}."
    least = min(of, key=lambda group: of[group].low)
    return (
        f"All {len(of)} groups of shoppers are served better than by popularity. The least sure one, {least[0]} on"
        f" {TASK_NAMES[least[1]]}, gains {signed(of[least].value)}, with a lower bound of {signed(of[least].low)}."
    )


def _shoppers(found: Found, task: Task) -> str:
    rows = [
        "| known | shopper-weeks | popularity | as served | more | weeks in which more | without promotions, more |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for told, values in found.of(task).items():
        served, unpromoted = (_told(found.more(values, system, POPULAR)) for system in (SERVED, UNPROMOTED))
        weeks = sum(week[SERVED].mean() > week[POPULAR].mean() for week in values)
        means = [number(_mean(values, name)) for name in (POPULAR, SERVED)]
        cells = [told, f"{sum(map(len, values)):,}", *means, served, f"{weeks} of {len(values)}", unpromoted]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _told(of: Mean) -> str:
    return f"{signed(of.value)} ({signed(of.low)} to {signed(of.high)})"


def _ranked(found: Found) -> str:
    rows = [
        "| events known | task | shoppers | popularity | newcomers' list | ranker | list less ranker |",
        "|--:|---|--:|--:|--:|--:|--:|",
    ]
    for (known, task), values in found.ranked.items():
        means = [number(_mean(values, name)) for name in (POPULAR, SERVED, RANKER)]
        less = _told(found.more(values, SERVED, RANKER))
        rows.append(f"| {known} | {TASK_NAMES[task]} | {sum(map(len, values)):,} | {' | '.join(means)} | {less} |")
    return f"On the newest week, of one part of its shoppers.\n\n{chr(10).join(rows)}"


def _items(found: Found) -> str:
    others = [name for name in next(iter(found.items.values()))[0].columns if name != CONTENT]
    rows = [
        f"| ranked items | shopper-weeks | {' | '.join([*others, 'content', *(f'more than {of}' for of in others)])} |",
        "|---|--:|" + "--:|" * (2 * len(others) + 1),
    ]
    for told, values in found.items.items():
        means = {name: _mean(values, name) for name in (*others, CONTENT)}
        cells = [told, f"{sum(map(len, values)):,}", *map(number, means.values())]
        cells += [_told(found.more(values, CONTENT, other)) for other in others]
        rows.append(f"| {' | '.join(cells)} |")
    said = "Popularity cannot tell apart what nobody bought, so to it such items are in chance's order."
    return f"{said}\n\n{chr(10).join(rows)}"


def _draw(found: Found, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"svg.hashsalt": "cold", "svg.fonttype": "path", "font.size": 9}):
        figure = Figure(figsize=(9.5, 3.6), layout="constrained")
        for axes, task in zip(figure.subplots(1, len(TASKS), sharey=True), TASKS, strict=True):
            _draw_groups(axes, found, task)
        figure.savefig(path, format="svg", metadata={"Date": None})


def _draw_groups(axes: Axes, found: Found, task: Task) -> None:
    """The least known on top; what is right of the line is better than popularity."""
    groups = found.of(task)
    for shift, (system, colour) in zip((-0.13, 0.13), COLOURS.items(), strict=True):
        for row, values in enumerate(groups.values()):
            more = found.more(values, system, POPULAR)
            axes.plot([more.low, more.high], [row + shift] * 2, color=colour, linewidth=1.5)
            axes.plot(more.value, row + shift, "o", color=colour, markersize=5, label=system if row == 0 else None)
    axes.axvline(0, color="#8d909c", linewidth=0.6)
    axes.set_yticks(range(len(groups)), labels=list(groups))
    axes.set(title=TASK_NAMES[task], xlabel="NDCG@10 less that of popularity", ylim=(len(groups) - 0.5, -0.5))
    axes.spines[["top", "right"]].set_visible(False)
    if task == TASKS[-1]:
        axes.legend(frameon=False, fontsize=8)
