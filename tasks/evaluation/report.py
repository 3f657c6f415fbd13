"""The report: one page that holds its charts, style and numbers, and loads nothing."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tasks.errors import ShoprecError
from tasks.evaluation.evidence import SHOPREC
from tasks.evaluation.formats import FILTERS, duration
from tasks.evaluation.headline import METRIC_NAMES, system_title
from tasks.evaluation.metrics import METRICS

FEW = 30
"""Slices of fewer shoppers are shown pale."""
KINDS = ("behaviour", "attribute", "item")
PAGE = Path(__file__).parent / "page"
_ELSEWHERE = re.compile(r"https?://(?!www\.w3\.org/)")
"""Addresses, but for the names of XML namespaces, which are never loaded."""

SECTIONS = {
    "comparison": "Comparison",
    "recall": "Recall by length",
    "candidates": "Candidates",
    "slices": "Slices",
    "ranker": "Features",
    "calibration": "Calibration",
    "beyond": "Beyond accuracy",
    "shoppers": "Shoppers",
    "data": "Data",
    "cost": "Time and memory",
    "method": "Method",
}
VERDICTS = {
    "beats": "beats the best single retriever",
    "no difference shown": "no difference shown",
    "loses": "loses to a single retriever",
    "nothing to compare": "nothing to compare with",
}
TONES = {"beats": "good", "no difference shown": "mild", "loses": "bad", "nothing to compare": "plain"}
FORMULAS = [
    ("recall@k", "hits in the first k / min(k, relevant)"),
    ("precision@k", "hits in the first k / k"),
    ("F1@k", "2 · precision@k · recall@k / (precision@k + recall@k), of each shopper"),
    ("NDCG@k", "sum of 1 / log2(place + 1) over the hits in the first k, divided by that of the best reachable list"),
    ("MAP@k", "mean over shoppers of the sum of precision at each hit in the first k / min(k, relevant)"),
    ("MRR@k", "mean over shoppers of 1 / place of the first hit in the first k, 0 without one"),
    ("hit rate@k", "share of shoppers with a hit in the first k"),
    ("coverage@k", "distinct catalogue items in anyone's first k / items bought by anyone before the cutoff"),
    ("novelty@k", "mean of -log2(share of shoppers who bought the item before the cutoff)"),
    ("diversity@k", "mean over pairs in the first k of 1 - share of category levels that the two have in common"),
    ("Gini@k", "concentration over all catalogue items of how often each stands in anyone's first k"),
    ("lift", "the re-ranked list's value minus the other's on the same shoppers, with the interval of that difference"),
    ("best retriever", "the one with the highest mean on these very shoppers, a choice that favours it"),
]


class StageRun(Protocol):
    """What the page says of a stage; the versioning room measures it."""

    @property
    def name(self) -> str: ...
    @property
    def skipped(self) -> bool: ...
    @property
    def seconds(self) -> float: ...
    @property
    def peak_mib(self) -> float: ...


def render_report(reports: Path, stages: Sequence[StageRun] = (), facts: Mapping[str, object] | None = None) -> str:
    """The page, from `evaluation.json` in `reports`, and `data_quality.json` and `examples.json` where they exist.

    `facts` are shown as they are, name and value, such as the registry version. Raises ShoprecError where there is no
    evaluation to show.
    """
    document = _read(reports / "evaluation.json")
    if document is None:
        raise ShoprecError(f"{reports / 'evaluation.json'} does not exist: run the evaluate stage first")
    quality = quality_facts(_read(reports / "data_quality.json"), (reports / "data_quality.html").exists())
    examples = _read(reports / "examples.json") or []
    there = {"shoppers": bool(examples), "data": bool(quality), "cost": bool(stages)}
    claim, _, findings = document["headline"].partition(": ")
    page = _templates().get_template("page.html.j2")
    return page.render(
        doc=_document_to_show(document),
        headline=document["headline"],
        claim=claim,
        findings=findings[:1].upper() + findings[1:],
        period=_period(document["fold"]),
        sections=[(key, name) for key, name in SECTIONS.items() if there.get(key, True)],
        verdicts=VERDICTS,
        tones=TONES,
        metric_titles=_metric_titles(),
        accuracy_keys=[f"{metric}@{k}" for metric in METRICS for k in document["list_lengths"]],
        formulas=FORMULAS,
        examples=examples,
        quality=quality,
        few=FEW,
        facts={str(name): str(value) for name, value in (facts or {}).items()},
        **_cost(stages),
        css=Markup((PAGE / "page.css").read_text(encoding="utf-8")),
        js=Markup((PAGE / "page.js").read_text(encoding="utf-8")),
        plotly=Markup(offline_plotly()),
        chart_data=Markup(_chart_data(document)),
    )


def quality_facts(found: dict[str, Any] | None, page: bool) -> dict[str, Any] | None:
    """What of the data quality result the page shows: rows by table with shares, statuses, the largest removals."""
    if found is None:
        return None
    tables = []
    for name, read in found["read"].items():
        parts = {"quarantined": found["quarantined"].get(name, 0), "cleaned": found["cleaned"].get(name, 0)}
        kept = found["kept"].get(name, 0)
        shares = {f"{part}_share": round(100 * n / max(read, 1), 3) for part, n in (parts | {"kept": kept}).items()}
        tables.append({"name": name, "read": read, "kept": kept} | parts | shares)
    statuses = Counter(check["status"] for check in found["checks"]).most_common()
    removals = sorted((r for r in found["removals"] if r["rows"]), key=lambda r: -r["rows"])[:10]
    said = {key: found[key] for key in ("source", "as_of", "verdict")}
    return said | {"tables": tables, "statuses": statuses, "removals": removals, "page": page}


def _document_to_show(document: dict[str, Any]) -> dict[str, Any]:
    judged_by = document["judged_by"]
    tasks = {}
    for task, of in document["tasks"].items():
        others = sorted((s for s in of["systems"] if s != SHOPREC), key=lambda s: -of["systems"][s][judged_by]["value"])
        alone = of["ceilings"]["alone"]
        by_recall = sorted(alone.items(), key=lambda item: -item[1])
        tasks[task] = of | {
            "ordered": [SHOPREC, *others],
            "ceilings": of["ceilings"] | {"by_recall": by_recall},
            "slice_groups": _slice_groups(of["slices"], judged_by),
        }
    return document | {"tasks": tasks, "k": int(judged_by.partition("@")[2])}


def _slice_groups(rows: list[dict[str, Any]], judged_by: str) -> list[dict[str, Any]]:
    """A group a dimension: by `judged_by` where it was measured so, else by what was; one scale for each metric.

    The scale is that of the slices of FEW shoppers or more: the interval of a smaller one may leave it.
    """
    by_dimension: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: KINDS.index(row["kind"])):
        by_dimension.setdefault(row["dimension"], []).append(row)
    groups = []
    for dimension, found in by_dimension.items():
        metric = judged_by if any(r["metric"] == judged_by for r in found) else found[0]["metric"]
        groups.append({"dimension": dimension, "metric": metric, "rows": [r for r in found if r["metric"] == metric]})
    tops: dict[str, float] = {}
    for group in groups:
        sure = [r for r in group["rows"] if r["users"] >= FEW] or group["rows"]
        highest = max(r["high"] or 0 for r in sure)
        tops[group["metric"]] = max(tops.get(group["metric"], 0.01), highest)
    return [group | {"top": tops[group["metric"]]} for group in groups]


def _cost(stages: Sequence[StageRun]) -> dict[str, Any]:
    longest = max((s.seconds for s in stages), default=0) or 1
    largest = max((s.peak_mib for s in stages), default=0) or 1
    rows = [
        {
            "name": s.name,
            "skipped": s.skipped,
            "seconds": s.seconds,
            "peak_mib": s.peak_mib,
            "seconds_share": round(100 * s.seconds / longest, 1),
            "peak_share": 0 if s.skipped else round(100 * s.peak_mib / largest, 1),
        }
        for s in stages
    ]
    return {
        "stages": rows,
        "total_seconds": duration(sum(s.seconds for s in stages)),
        "peak_gib": f"{largest / 1024:.1f}",
    }


def _chart_data(document: dict[str, Any]) -> str:
    shown = ("systems", "lifts", "best_retriever", "recall_by_length", "ceilings", "importance", "calibration")
    names = sorted({name for of in document["tasks"].values() for name in of["systems"]})
    data = {
        "judged_by": document["judged_by"],
        "systems": [name for name in names if name != SHOPREC],
        "titles": {name: system_title(name) for name in names},
        "metric_titles": _metric_titles(),
        "tasks": {task: {key: of[key] for key in shown} for task, of in document["tasks"].items()},
    }
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")


def _metric_titles() -> dict[str, str]:
    return {name: METRIC_NAMES[name] for name in METRICS}


def _period(fold: dict[str, str]) -> str:
    """The first and last day; folds are cut at midnight of the shop's zone, at most 14 h from that of UTC."""
    middle = timedelta(hours=12)
    first, last = (datetime.fromisoformat(fold[end]) for end in ("cutoff", "end"))
    first, last = first + middle, last - middle
    shared = "" if (first.year, first.month) == (last.year, last.month) else f" {first:%B %Y}"
    return f"{first.day}{shared} to {last.day} {last:%B %Y}"


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _templates() -> Environment:
    templates = Environment(loader=FileSystemLoader(PAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    templates.filters |= FILTERS
    return templates


@cache
def offline_plotly() -> str:
    """Plotly's own bundle, without the addresses of the map services that it knows: no chart here has a map."""
    from plotly.offline import get_plotlyjs

    return _ELSEWHERE.sub("offline:", get_plotlyjs())
