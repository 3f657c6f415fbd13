"""The end of a run in the terminal: what was read, what was found, what is served now, and where to look next."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from flows import tables
from flows.history import COLOURS
from flows.steps import Outcome, read_json
from tasks.evaluation.evidence import SHOPREC
from tasks.evaluation.headline import TASK_NAMES, metric_title, shoppers, system_title

SHOPPERS = 2


def print_summary(console: Console, reports: Path, outcome: Outcome) -> None:
    evaluation, quality = read_json(reports / "evaluation.json"), read_json(reports / "data_quality.json")
    examples = read_json(reports / "examples.json") if (reports / "examples.json").exists() else []
    parts: list[RenderableType] = [_rows(quality), _reasons(quality)]
    parts += [_metrics(evaluation, task) for task in evaluation["tasks"]]
    parts.append(Text(evaluation["headline"], style="bold"))
    parts += [_shopper(example) for example in examples[:SHOPPERS]]
    parts += [_stages(outcome), _version(outcome), _next(reports)]
    console.print()
    console.print(Group(*(Padding(part, (0, 0, 1, 0)) for part in parts)))


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for n, column in enumerate(columns):
        table.add_column(column, justify="right" if n else "left")
    return table


def _rows(quality: Mapping[str, Any]) -> Table:
    table = _table(f"Data from {quality['source']}", "table", "read", "kept", "quarantined", "cleaned out")
    for name, read in quality["read"].items():
        counts = [read, *(quality[part].get(name, 0) for part in ("kept", "quarantined", "cleaned"))]
        table.add_row(name, *(f"{n:,}" for n in counts))
    return table


def _reasons(quality: Mapping[str, Any]) -> RenderableType:
    found = sorted((r for r in quality["removals"] if r["rows"]), key=lambda r: -r["rows"])
    lines = [f"{r['rows']:>9,}  {r['table']}: {r['reason']}" for r in found]
    return Text("\n".join(["Why rows were taken out", *lines] if lines else ["No row was taken out"]), style="dim")


def _metrics(evaluation: Mapping[str, Any], task: str) -> Table:
    judged = shoppers(evaluation["tasks"][task])
    title = f"{TASK_NAMES[task].capitalize()} (task {task}), {judged}, mean and 95 % interval"
    table = _table(title, "", *(metric_title(m) for m in tables.shown_metrics(evaluation)))
    for line in tables.comparison(evaluation, task):
        cells = [_value(v, best) for v, best in zip(line.values, line.best, strict=True)]
        name = Text("shoprec (two stages)" if line.system == SHOPREC else system_title(line.system))
        name.stylize("bold cyan" if line.system == SHOPREC else "")
        table.add_row(name, *cells)
    return table


def _value(found: Mapping[str, float], best: bool) -> Text:
    text = Text(f"{found['value']:.4f}", style="bold green" if best else "")
    return text.append(f"  {found['low']:.4f} to {found['high']:.4f}", style="dim")


def _shopper(example: Mapping[str, Any]) -> Panel:
    """Ten recommendations beside what was bought; what was both stands out."""
    side_by_side = Table(box=None, pad_edge=False, expand=True)
    side_by_side.add_column(f"recommended ({TASK_NAMES[example['task']]})", ratio=3)
    side_by_side.add_column("really bought in the test week", ratio=2)
    recommended, bought = Text(), Text()
    for item in example["recommended"][:10]:
        mark, style = ("✓", "green") if item["bought"] else (" ", "")
        recommended.append(f"{item['rank']:>2} {mark} {item['title']}\n", style=style)
    for place, title in enumerate(example["bought"][:10]):
        bought.append(f"{title}\n", style="green" if place < example["hits"] else "")
    if len(example["bought"]) > 10:
        bought.append(f"and {len(example['bought']) - 10} more", style="dim")
    side_by_side.add_row(recommended, bought)
    return Panel(side_by_side, title=f"shopper {example['user_id']}", title_align="left", border_style="dim")


def _stages(outcome: Outcome) -> Table:
    table = _table("Stages", "", "seconds", "peak memory")
    for run in outcome.runs:
        table.add_row(run.name, f"{run.seconds:.1f}", "unchanged" if run.skipped else f"{run.peak_mib:,.0f} MiB")
    return table


def _version(outcome: Outcome) -> Text:
    version = outcome.version
    text = Text(f"{version.name} version {version.number}", style="bold")
    text.append(f"  {version.stage}", style=f"bold {COLOURS.get(version.stage, 'white')}")
    failed = [check for check in outcome.verdict.checks if check.failed] if outcome.verdict else []
    known = "" if outcome.is_new else "\nNothing new: it was registered before, from the same data, code and params."
    text.append(f"{known}\n{version.reason}", style="not bold default")
    for check in failed:
        text.append(f"\n  ✗ {check.name}: {check.says}", style="not bold yellow")
    return text


def _next(reports: Path) -> Text:
    lines = [
        ("the report", str(reports / "report.html")),
        ("data quality", str(reports / "data_quality.html")),
        ("versions, runs", "make ui"),
        ("what changed", ".venv/bin/dvc metrics diff"),
    ]
    return Text("Where to look next\n", style="bold").append(
        "\n".join(f"  {what:<15} {where}" for what, where in lines), style="not bold default"
    )
