"""The evidence of a study, as a page for git with a picture beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tasks.evaluation.headline import TASK_NAMES
from tasks.ingestion.storage import replace_file
from tasks.tuning.confirmation import Compared, Confirmed
from tasks.tuning.judging import JUDGED
from tasks.tuning.search import Search
from tasks.tuning.space import SPAN, Settings
from tasks.tuning.study import Tried
from tasks.tuning.weeks import Week

_BEST = 10


@dataclass(frozen=True)
class Result:
    """How a search ended."""

    winner: Tried
    confirmed: Confirmed | None
    """None: the present params are the best of all trials."""
    is_written: bool
    why: str


def write_evidence(folder: Path, search: Search, result: Result, made_from: Mapping[str, str], at: datetime) -> Path:
    """`<task>.md` and `<task>.svg`. Returns the page."""
    from tasks.tuning.charts import draw_study  # matplotlib takes a second

    page, picture = folder / f"{search.task}.md", folder / f"{search.task}.svg"
    title = f"{TASK_NAMES[search.task]}, {at:%d %B %Y}"
    draw_study(search.study.tried(), search.study.importances(), search.space, title, picture)
    replace_file(page, _page(search, result, made_from, at, picture.name).encode())
    return page


def _page(search: Search, result: Result, made_from: Mapping[str, str], at: datetime, picture: str) -> str:
    confirmed = result.confirmed
    parts = [
        f"# The ranker's settings, {TASK_NAMES[search.task]}",
        f"Written by `shoprec tune --task {search.task}`; [tuning.md](../tuning.md) says how it searches and decides.",
        f"**{_outcome(result)}**",
        _facts(search, made_from, at),
        "## Weeks",
        _weeks(search),
        "## Settings",
        _settings(search, result.winner.settings),
    ]
    if confirmed is not None:
        seeds = ", ".join(map(str, confirmed.seeds))
        parts += ["## Winner and present params, learned anew", _compared(confirmed), f"Means over the seeds {seeds}."]
        if confirmed.aside is not None:
            parts.append(
                f"No trial was judged on {confirmed.aside.weeks}: there the winner has no advantage of having won."
            )
    return "\n\n".join([*parts, "## Trials", f"![Trials, importances and slices]({picture})", _best(search)]) + "\n"


def _outcome(result: Result) -> str:
    written = "has the winner" if result.is_written else "stays as it was"
    return f"{result.why[:1].upper()}{result.why[1:]}. params.yaml {written}."


def _facts(search: Search, made_from: Mapping[str, str], at: datetime) -> str:
    tried = search.study.tried()
    counts = [f"{sum(t.state == state for t in tried)} {state}" for state in ("complete", "pruned", "failed")]
    hours = sum(trial.seconds for trial in tried) / 3600
    lines = [
        f"- {at:%d %B %Y}, study `{search.study.name}`: {', '.join(counts)} trials, {hours:.1f} hours of trials.",
        f"- {JUDGED} of all shoppers with a label, mean over the judged weeks.",
        *(f"- `{path}` {digest}" for path, digest in made_from.items()),
    ]
    return "\n".join(lines)


def _weeks(search: Search) -> str:
    rows = ["| judged | begins | stopped early on | learned from |", "|---|---|---|---|"]
    for week in search.weeks.all:
        beside = " (no trial)" if week is search.weeks.aside else ""
        rows.append(f"| {week.name}{beside} | {week.judged.cutoff:%Y-%m-%d} | {week.stop.name} | {_learned(week)} |")
    return "\n".join(rows)


def _learned(week: Week) -> str:
    return week.learn[0].name if len(week.learn) == 1 else f"{week.learn[0].name} to {week.learn[-1].name}"


def _settings(search: Search, winner: Settings) -> str:
    present, told = search.present.model_dump(), search.space.told()
    rows = ["| setting | searched | present | winner |", "|---|---|--:|--:|"]
    for name, ranges in told.items():
        cells = [_value(name, of[name]) for of in (present, winner)]
        rows.append(f"| {name} | {ranges} | {cells[0]} | {cells[1] if cells[0] == cells[1] else f'**{cells[1]}**'} |")
    return "\n".join(rows)


def _compared(confirmed: Confirmed) -> str:
    def row(of: Compared) -> str:
        ends = f"{of.low:+.4f} to {of.high:+.4f}"
        return f"| {of.weeks} | {of.users:,} | {of.present:.4f} | {of.winner:.4f} | {of.gain:+.4f} | {ends} |"

    aside = [confirmed.aside] if confirmed.aside else []
    head = ["| week | shoppers | present | winner | gain | 95 % interval |", "|---|--:|--:|--:|--:|--:|"]
    return "\n".join([*head, *map(row, (*confirmed.by_week, confirmed.pooled, *aside))])


def _best(search: Search) -> str:
    complete = [trial for trial in search.study.tried() if trial.value is not None]
    best = sorted(complete, key=lambda trial: (-(trial.value or 0.0), trial.number))[:_BEST]
    names, weeks = list(search.space.ranges), [week.name for week in search.weeks.judged]
    head = ["trial", JUDGED, *weeks, "seconds", *names]
    rows = [f"| {' | '.join(head)} |", f"|{'--:|' * len(head)}"]
    for trial in best:
        cells = [str(trial.number), *(f"{value:.4f}" for value in (trial.value or 0.0, *trial.by_week.values()))]
        cells += [f"{trial.seconds:.0f}", *(_value(name, trial.settings[name]) for name in names)]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _value(name: str, value: Any) -> str:
    if value is None and name == SPAN:
        return "all"
    return f"{value:g}" if isinstance(value, float) else str(value)
