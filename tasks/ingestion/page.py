"""The data quality page: one HTML file that needs nothing but itself, for people who decide what to do about data."""

from collections import Counter
from pathlib import Path

import jinja2
from markupsafe import Markup

from tasks.ingestion.quality import Check, Quality, Removal
from tasks.schema import EVENTS

_VERDICTS = {"accepted": "accepted", "refused": "refused", "unknown": "not known: a check broke"}
_CHART_WIDTH, _CHART_HEIGHT, _LABEL_HEIGHT = 980, 150, 18


def render_page(quality: Quality) -> str:
    """The page of an accepted, refused or unknown validation."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    line = environment.get_template("check_row.html.j2")
    tables: dict[str, list[Check]] = {}
    for check in quality.checks:
        tables.setdefault(check.table, []).append(check)
    profile = quality.profile.get("valid", {})
    return environment.get_template("page.html.j2").render(
        quality=quality,
        verdict_words=_VERDICTS,
        headline=_headline(quality),
        share=_share,
        row=lambda check: Markup(line.render(check=check, share=_share)),
        tables=tables,
        tally=Counter(check.status for check in quality.checks),
        troubles=quality.with_status("broken", "failed"),
        by_contract=_rows([r for r in quality.removals if r.by == "contract"]),
        by_cleaning=_rows([r for r in quality.removals if r.by == "cleaning"]),
        most_removed=max((removal.rows for removal in quality.removals), default=1),
        profile=profile,
        months=_months_chart(quality.profile["raw"]["events_by_month"], profile["events_by_month"]) if profile else "",
    )


def _headline(quality: Quality) -> str:
    if quality.verdict == "accepted":
        kept, read = quality.kept[EVENTS], quality.read[EVENTS]
        return f"{_share(kept, read)} of the events are fit to learn from"
    if quality.nothing_left:
        return "No event to learn from is left"
    failed, broken = len(quality.with_status("failed")), len(quality.with_status("broken"))
    parts = [f"{failed} expectation(s) broken by the data"] * bool(failed)
    return ", ".join(parts + [f"{broken} check(s) that could not run"] * bool(broken))


def _share(part: float, whole: float) -> str:
    """A percentage that never rounds something to nothing, or nearly all to all."""
    percent = 100 * part / whole if whole else 0.0
    if percent in (0, 100):
        return f"{percent:.0f} %"
    return "< 0.01 %" if percent < 0.01 else "> 99.99 %" if percent > 99.99 else f"{percent:.2f} %"


def _rows(removals: list[Removal]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for removal in removals:
        counts[removal.table] += removal.rows
    return dict(counts)


def _months_chart(raw: dict[str, int], kept: dict[str, int]) -> Markup:
    """A bar a month: what was read, with what was kept in front of it."""
    if not raw:
        return Markup()
    step, top = _CHART_WIDTH / len(raw), max(raw.values())
    every = -(-len(raw) // 14)
    shapes = []
    for place, (month, count) in enumerate(raw.items()):
        left, width = place * step + 0.1 * step, 0.8 * step
        for rows, style in ((count, "raw"), (kept.get(month, 0), "")):
            height = (_CHART_HEIGHT - _LABEL_HEIGHT) * rows / top
            y = _CHART_HEIGHT - _LABEL_HEIGHT - height
            shapes.append(
                f'<rect class="{style}" x="{left:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}">'
                f"<title>{month}: {kept.get(month, 0):,} kept of {count:,}</title></rect>"
            )
        if place % every == 0:
            shapes.append(f'<text x="{left:.1f}" y="{_CHART_HEIGHT - 4}">{month}</text>')
    frame = f'viewBox="0 0 {_CHART_WIDTH} {_CHART_HEIGHT}" width="100%" role="img" aria-label="events a month"'
    return Markup(f"<svg {frame}>{''.join(shapes)}</svg>")
