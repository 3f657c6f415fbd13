"""A change held against its base: what the gate would say, differences with paired intervals, data and params."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from flows.ci.base import Base
from flows.ci.learning import Learned
from flows.settings import Settings
from flows.steps import RAW, VALID, read_json
from tasks.errors import ShoprecError
from tasks.evaluation.evidence import SHOPREC, TASK
from tasks.evaluation.intervals import bootstrap
from tasks.folds import make_folds
from tasks.ingestion.valid import Valid
from tasks.params import Params
from tasks.promotion.data_change import DataChange, data_change
from tasks.promotion.gate import judge
from tasks.promotion.measure import Side, evidence_of, measure, refuse_unknown_items
from tasks.promotion.outside import sentence
from tasks.promotion.verdict import Verdict
from tasks.schema import ITEM, RANK, USER
from tasks.versioning import hashes

THIS = "this change"
_PLACE = [TASK, USER, RANK, ITEM]
Found = Mapping[str, float | None]
"""`value`, and where there is an interval `low` and `high`."""


@dataclass(frozen=True)
class Metric:
    task: str
    name: str
    """Such as `ndcg@10`."""
    base: Found | None
    here: Found
    difference: Found | None
    """This change minus base, paired; None where the two cannot be paired."""
    users: int


@dataclass(frozen=True)
class Changed:
    """A key of params.yaml; None: it is not there."""

    key: str
    base: str | None
    here: str | None


@dataclass(frozen=True)
class Paired:
    """What there is only where both were measured on the same shoppers of the same week."""

    verdict: Verdict
    other_places: float
    """Share of the places in the lists that hold another item."""


@dataclass(frozen=True)
class Comparison:
    base: Base
    commit: str
    learned: Learned
    metrics: tuple[Metric, ...]
    paired: Paired | None
    why_not: str
    """Why the two cannot be paired; empty where they can."""
    params: tuple[Changed, ...]
    quality: Mapping[str, Any]
    """`reports/data_quality.json` of this change."""
    base_quality: Mapping[str, Any] | None
    data: DataChange | None
    """None: not known."""
    same_raw: bool | None
    """Whether both were made from the very same raw data; None: not known."""


def compare(settings: Settings, params: Params, base: Base, commit: str, learned: Learned) -> Comparison:
    """To be called after `learn`; of a base without results it says what this change is by itself."""
    root, reports = settings.root, settings.reports
    theirs = base.project / "reports" if base.project else None
    quality, theirs_quality = _json(reports, "data_quality.json"), _json(theirs, "data_quality.json")
    why_not = base.told if theirs is None else _why_not_paired(theirs, reports)
    paired = None
    if theirs is not None and not why_not:
        paired, why_not = _duel(settings, params, base, theirs)
    return Comparison(
        base=base,
        commit=commit,
        learned=learned,
        metrics=tuple(_metrics(theirs, reports, params, paired is not None)),
        paired=paired,
        why_not=why_not,
        params=tuple(changed_params(base.params, yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8")))),
        quality=quality,
        base_quality=theirs_quality or None,
        data=_data(theirs_quality, quality, root),
        same_raw=None if base.raw is None else base.raw == hashes(root).get(RAW),
    )


def changed_params(base: Mapping[str, Any], here: Mapping[str, Any]) -> list[Changed]:
    """By dotted key, in the order of the alphabet."""
    then, now = dict(_flat(base)), dict(_flat(here))
    keys = sorted(key for key in then.keys() | now.keys() if then.get(key) != now.get(key))
    return [Changed(key, then.get(key), now.get(key)) for key in keys]


def _flat(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Values as YAML writes them, so that 1 and 1.0, "" and null differ."""
    if isinstance(value, Mapping) and value:
        return [pair for key, of in value.items() for pair in _flat(of, f"{prefix}.{key}" if prefix else str(key))]
    written = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True)
    return [(prefix, written.removesuffix("...\n").strip())]


def _why_not_paired(base: Path, here: Path) -> str:
    theirs, ours = _json(base, "evaluation.json")["fold"], _json(here, "evaluation.json")["fold"]
    if (theirs["cutoff"], theirs["end"]) != (ours["cutoff"], ours["end"]):
        return (
            f"the base was measured on the week from {theirs['cutoff'][:10]}, this change on the one from"
            f" {ours['cutoff'][:10]}"
        )
    then, now = (set(map(tuple, _of_users(reports)[[TASK, USER]].to_numpy())) for reports in (base, here))
    if then != now:
        gone, came = len(then - now), len(now - then)
        return f"the two were measured on other shoppers: {gone:,} only in the base, {came:,} only here"
    return ""


def _duel(settings: Settings, params: Params, base: Base, theirs: Path) -> tuple[Paired | None, str]:
    """What the gate would say of both sides' lists, or why it could not."""
    lists, base_lists = (pd.read_parquet(folder / "test_lists.parquet") for folder in (settings.reports, theirs))
    champion, challenger = Side(sentence(base.ref), base_lists), Side(THIS, lists)
    valid = Valid.read(settings.root / VALID)
    fold = next(f for f in make_folds(valid.events, params.folds, params.shop) if f.kind == "test")
    accepted = _json(settings.reports, "data_quality.json")["verdict"] == "accepted"
    try:
        refuse_unknown_items(champion, valid, fold, params)
        evidence = evidence_of(valid, fold, params, champion, challenger)
        evaluation = _json(settings.reports, "evaluation.json")
        measured = measure(evidence, params, champion, challenger, evaluation, gate=1, accepted=accepted)
        verdict = judge(measured, params.promotion)
    except ShoprecError as error:
        return None, str(error)
    same = len(lists[_PLACE].merge(base_lists[_PLACE]))
    return Paired(verdict, 1 - same / max(len(lists), len(base_lists))), ""


def _metrics(base: Path | None, here: Path, params: Params, paired: bool) -> list[Metric]:
    ours, theirs = _json(here, "evaluation.json"), _json(base, "evaluation.json")
    found: list[Metric] = []
    for task, of in ours["tasks"].items():
        then = theirs.get("tasks", {}).get(task, {}).get("systems", {}).get(SHOPREC, {})
        names = [ours["judged_by"], ours["beside"]]
        names += [metric for metric in (params.promotion.margins.coverage.metric,) if metric in of["systems"][SHOPREC]]
        differences = _differences(base, here, task, params) if paired and base is not None else {}
        found += [
            Metric(task, name, then.get(name), of["systems"][SHOPREC][name], differences.get(name), of["users"])
            for name in dict.fromkeys(names)
        ]
    return found


def _differences(base: Path, here: Path, task: str, params: Params) -> dict[str, Found]:
    """Of every metric that is a mean over users, with its 95 % interval."""
    sides = [frame[frame[TASK] == task].drop(columns=TASK) for frame in map(_of_users, (here, base))]
    ours, theirs = (side.set_index(USER).sort_index() for side in sides)
    names = [name for name in ours.columns if name in theirs]
    difference = ours[names].to_numpy(dtype=np.float64) - theirs[names].to_numpy(dtype=np.float64)
    found = bootstrap(difference, params.evaluation.draws, params.evaluation.seed)
    ends = zip(names, found.mean.tolist(), found.low.tolist(), found.high.tolist(), strict=True)
    return {name: {"value": value, "low": low, "high": high} for name, value, low, high in ends}


def _of_users(reports: Path) -> pd.DataFrame:
    return pd.read_parquet(reports / "per_user.parquet")


def _data(base: Mapping[str, Any], here: Mapping[str, Any], root: Path) -> DataChange | None:
    try:
        return data_change(base["profile"]["valid"], here["profile"]["valid"], Valid.read(root / VALID).events)
    except (KeyError, TypeError, ValueError):  # of another shoprec
        return None


def _json(reports: Path | None, name: str) -> Any:
    """Empty where there are no reports."""
    return read_json(reports / name) if reports else {}
