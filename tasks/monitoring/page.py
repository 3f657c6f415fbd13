"""The page of all looks: every measure over time with its band, in one file that loads nothing."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tasks.evaluation.report import PAGE, offline_plotly
from tasks.monitoring.found import GROUPS, Found, Group
from tasks.monitoring.look import Look, in_words
from tasks.monitoring.measures import MEASURES

PARTS = Path(__file__).parent / "page_parts"
TONES = {"within": "good", "breach": "bad", "not judged": "plain"}
MEANINGS = {name: measure.meaning for name, measure in MEASURES.items()} | {
    "features, by gain": "how far the ranker's features moved, each as much as it counts",
    "feature beyond its usual": "of the ranker's features, the one that moved most beyond what it always moves",
    "recommended categories": "shares of the widest categories in the champion's lists",
    "popularity of what is recommended": "how many people bought what is in the champion's lists",
}

_DRAWN = ("value", "bound", "usual", "low", "high", "status", "says")


def render_page(looks: Sequence[Look]) -> str:
    """`looks`: by the end of their week; at least one. The newest is told in words."""
    newest = looks[-1]
    page = _templates().get_template("monitoring.html.j2")
    return page.render(
        look=newest,
        words=in_words(newest),
        looks=len(looks),
        first=looks[0].end,
        groups=[(group, title, _cards(newest, group)) for group, title in GROUPS.items()],
        tones=TONES,
        meanings=MEANINGS,
        css=Markup(_text(PAGE / "page.css") + _text(PARTS / "monitoring.css")),
        js=Markup(_text(PARTS / "monitoring.js")),
        plotly=Markup(offline_plotly()),
        chart_data=Markup(_chart_data(looks)),
    )


def _cards(look: Look, group: Group) -> list[Found]:
    return [of for of in look.found if of.group == group]


def _chart_data(looks: Sequence[Look]) -> str:
    """Of each measure its points, and where another ranker began to be looked at."""
    points: dict[str, list[dict[str, Any]]] = {}
    for look in looks:
        for of in look.found:
            if of.value is not None:
                numbers = {name: getattr(of, name) for name in _DRAWN}
                told = numbers | {"end": f"{look.end:%Y-%m-%d}", "version": look.champion}
                points.setdefault(of.measure, []).append(told | {"quality": of.group == "quality"})
    changes = [
        {"end": f"{now.end:%Y-%m-%d}", "learned": now.learned}
        for before, now in zip(looks, looks[1:], strict=False)
        if before.learned != now.learned
    ]
    return json.dumps({"points": points, "changes": changes}, separators=(",", ":")).replace("<", "\\u003c")


def _templates() -> Environment:
    parts = FileSystemLoader(PARTS)
    templates = Environment(loader=parts, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    templates.filters["figure"] = _figure
    return templates


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}" if abs(value) < 10 else f"{value:,.0f}"


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
