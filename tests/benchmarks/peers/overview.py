"""What each recommender gives in the last week, and what it takes: one row each, in one table and one chart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tasks.evaluation.formats import number
from tasks.evaluation.headline import TASK_NAMES
from tasks.schema import TASKS, Task


@dataclass(frozen=True)
class Standing:
    name: str
    is_ours: bool
    quality: Mapping[Task, float]
    """NDCG@10; only of tasks that it serves."""
    lead: Mapping[Task, str]
    """Ours less theirs with its interval, in words."""
    seconds: float
    """Of processors, to fit and to recommend for both tasks."""
    peak_mib: float


def table(standings: Sequence[Standing]) -> str:
    heads = [head for task in TASKS for head in (f"NDCG@10, {TASK_NAMES[task]}", "shoprec's lead, 95 % interval")]
    rows = [
        f"| | {' | '.join(heads)} | fit and recommend, s of processors | peak, MiB |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for of in standings:
        cells = [f"**{of.name}**" if of.is_ours else of.name]
        for task in TASKS:
            cells += [number(of.quality[task]), of.lead[task]] if task in of.quality else ["–", "–"]
        rows.append("| " + " | ".join([*cells, f"{of.seconds:,.1f}", f"{of.peak_mib:,.0f}"]) + " |")
    return "\n".join(rows)


def undominated(standings: Sequence[Standing], task: Task) -> list[Standing]:
    """Those that no other is both as good as and cheaper than; the cheapest first."""
    found: list[Standing] = []
    for of in sorted((one for one in standings if task in one.quality), key=lambda one: one.seconds):
        if not found or of.quality[task] > found[-1].quality[task]:
            found.append(of)
    return found
