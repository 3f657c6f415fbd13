"""Champion and challenger asked for the same lists: each in a process of its own, with the code and params it shipped
with, and with its state as of the test fold's cutoff."""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

import tasks as package
from flows.like_state import params_of_like_state
from flows.settings import Settings
from tasks.errors import BrokenCheckError, ShoprecError, TransientError
from tasks.folds import Fold, make_folds
from tasks.ingestion.valid import Valid
from tasks.params import Params
from tasks.promotion.gate import judge, judge_unmeasurable
from tasks.promotion.measure import Side, evidence_of, measure, refuse_unknown_items
from tasks.promotion.shoppers import Shopper, shoppers_side_by_side
from tasks.promotion.verdict import Verdict
from tasks.recommender import bundle
from tasks.registry import Version
from tasks.reranking.ranker import LEARNED
from tasks.schema import ITEM, RANK, USER
from tasks.versioning.process import Finished, OnLine, error_of, run_module

if TYPE_CHECKING:
    from tasks.registry.registry import Registry

PARAMS = "recipe/params.yaml"
"""Among the artifacts of a run: what its version was trained with."""
LISTS = "lists.parquet"
_REQUESTS = "100"
_MIB = 2**20
_KEY = ["task", USER, RANK]


@dataclass(frozen=True)
class Shipped:
    """What a version needs to be asked: a folder of its own code, its params, its ranker."""

    code: Path
    """Folder that holds its `tasks` package."""
    params: Path
    ranker: Path


@dataclass(frozen=True)
class Duel:
    verdict: Verdict
    shoppers: tuple[Shopper, ...] = ()
    """None where the champion could not be scored."""


def duel(
    settings: Settings,
    registry: "Registry",
    champion: Version,
    challenger: Version,
    params: Params,
    gate: int,
    on_line: OnLine,
) -> Duel:
    """With the verdict of the gate, which is the so many-th against this champion; where the champion could not be
    scored, one that says so.

    Raises BrokenCheckError where the challenger does not give the lists that its evaluation scored.
    """
    valid = Valid.read(settings.root / "data" / "valid")
    fold = next(f for f in make_folds(valid.events, params.folds, params.shop) if f.kind == "test")
    with tempfile.TemporaryDirectory(dir=settings.var, prefix="duel-") as scratch:
        ring = _Ring(settings, fold, valid.items, params, Path(scratch), on_line)
        try:
            theirs = ring.champion(registry, champion)
            refuse_unknown_items(theirs, valid, fold, params)
        except TransientError:
            raise
        except ShoprecError as error:
            return Duel(judge_unmeasurable(champion.number, str(error)))
        ours = ring.challenger(challenger.number)
    reports = settings.reports
    evaluation = json.loads((reports / "evaluation.json").read_text(encoding="utf-8"))
    quality = json.loads((reports / "data_quality.json").read_text(encoding="utf-8"))
    evidence = evidence_of(valid, fold, params, theirs, ours)
    measured = measure(evidence, params, theirs, ours, evaluation, gate, quality["verdict"] == "accepted")
    return Duel(judge(measured, params.promotion), shoppers_side_by_side(evidence, valid, params.shop))


@dataclass(frozen=True)
class _Ring:
    settings: Settings
    fold: Fold
    items: pd.DataFrame
    params: Params
    scratch: Path
    on_line: OnLine

    def champion(self, registry: "Registry", version: Version) -> Side:
        folder = self.scratch / "champion"
        shipped = shipped_of(registry, version, folder)
        self._refuse_what_it_learned_from(version.number, shipped)
        bundled = folder / "rebuilt"
        theirs = params_of_like_state(shipped.code, shipped.params, self.settings.root, self.params)
        if theirs is None:
            rebuild(shipped, self.settings.root / "data" / "valid", {bundled: self.fold}, self.on_line)
        else:
            self._bundle_of_stages(shipped.ranker, theirs, bundled)
        return self._ask(version.number, shipped.code, bundled, folder)

    def challenger(self, number: int) -> Side:
        folder = self.scratch / "challenger"
        folder.mkdir()
        bundled = folder / "bundle"
        self._bundle_of_stages(self.settings.root / "models" / "ranker", self.params, bundled)
        side = self._ask(number, Path(package.__file__ or "").parents[1], bundled, folder)
        self._refuse_other_lists(side.lists)
        return side

    def _bundle_of_stages(self, ranker: Path, params: Params, out: Path) -> None:
        """Around the ranker what the stages of this run made of the fold."""
        data = self.settings.root / "data"
        features, candidates = (data / part / self.fold.name for part in ("features", "candidates"))
        bundle(ranker, features, candidates, self.items, params.candidates, params.diversity, out)

    def _ask(self, number: int, code: Path, bundled: Path, folder: Path) -> Side:
        users = pd.read_parquet(self.settings.reports / "per_user.parquet", columns=[USER]).drop_duplicates()
        depth, latency = max(self.params.evaluation.list_lengths), folder / "latency.json"
        timed = "--latency", latency.name, "--requests", _REQUESTS
        lists = lists_of(code, bundled, users, depth, folder, self.on_line, *timed)
        size = sum(path.stat().st_size for path in bundled.rglob("*") if path.is_file()) / _MIB
        return Side(number, lists, json.loads(latency.read_text(encoding="utf-8"))["p95"], size)

    def _refuse_what_it_learned_from(self, number: int, shipped: Shipped) -> None:
        """A champion that was trained on newer data than this has seen the test fold, or part of it."""
        file = shipped.ranker / LEARNED
        if not file.exists():
            raise ShoprecError(
                f"version {number} does not say until when it learned ({LEARNED} is missing): approve a version"
                " that was held against it, and later ones are judged again"
            )
        about = json.loads(file.read_text(encoding="utf-8"))
        if pd.Timestamp(about["until"]) > pd.Timestamp(self.fold.cutoff):
            raise ShoprecError(
                f"version {number} has learned from purchases up to {about['until']}, and the test fold begins"
                f" {self.fold.cutoff:%Y-%m-%d}: it would be judged on what it has seen; retrain on newer data"
            )

    def _refuse_other_lists(self, lists: pd.DataFrame) -> None:
        scored = pd.read_parquet(self.settings.reports / "test_lists.parquet")
        asked = lists.merge(scored[["task", USER]].drop_duplicates(), on=["task", USER])
        same = asked.merge(scored, on=[*_KEY, ITEM])
        if not len(same) == len(asked) == len(scored):
            raise BrokenCheckError(
                f"the challenger gives other lists than those that were evaluated: {len(same):,} of {len(scored):,}"
                " places are the same; run `shoprec run` again after deleting data/features, data/candidates,"
                " data/examples and data/boosters"
            )


def shipped_of(registry: "Registry", version: Version, folder: Path) -> Shipped:
    """Downloads a version into the new folder. Raises ShoprecError where a part of it is missing."""
    from tasks.registry.artifacts import fetch_file, fetch_model  # takes seconds, so not before it is needed

    model = fetch_model(registry, version.number, folder / "model")
    return Shipped(model.code, fetch_file(registry, version.run_id, PARAMS, folder), model.bundle / "ranker")


def rebuild(shipped: Shipped, valid: Path, states: Mapping[Path, Fold], on_line: OnLine) -> None:
    """Bundles of that version in new folders, each as of its fold's cutoff, made by its own code."""
    files = ["--params", str(shipped.params), "--valid", str(valid), "--ranker", str(shipped.ranker)]
    missing = dict(states)
    while missing:  # code that knows of one bundle only makes the last
        ends = [
            ("--cutoff", f.cutoff.isoformat(), "--end", f.end.isoformat(), "--out", str(o)) for o, f in missing.items()
        ]
        call_version(shipped.code, ["rebuild", *files, *chain(*ends)], next(iter(missing)).parent, on_line)
        left = {out: fold for out, fold in missing.items() if not out.is_dir()}
        if len(left) == len(missing):
            raise ShoprecError(
                f"its own code made none of the bundles that it was asked for: {', '.join(map(str, left))}"
            )
        missing = left


def lists_of(
    code: Path, bundled: Path, users: pd.DataFrame, k: int, folder: Path, on_line: OnLine, *more: str
) -> pd.DataFrame:
    """`task, user_id, item_id, rank`: what the bundle of a version recommends to users (`user_id`), by its own code.

    `more`: options of `tasks.recommender recommend`; files lie in `folder`.
    """
    write_lists(code, bundled, users, k, folder, on_line, *more)
    return pd.read_parquet(folder / LISTS)


def write_lists(
    code: Path, bundled: Path, users: pd.DataFrame, k: int, folder: Path, on_line: OnLine, *more: str
) -> Finished:
    """As `lists_of`, into the file `LISTS` of `folder`: for more users than whose lists fit in memory."""
    users.to_parquet(folder / "users.parquet", index=False)
    files = ["--users", "users.parquet", "--out", LISTS, *more]
    return call_version(code, ["recommend", "--bundle", str(bundled), "--k", str(k), *files], folder, on_line)


def call_version(
    code: Path, arguments: list[str], cwd: Path, on_line: OnLine, module: str = "tasks.recommender"
) -> Finished:
    """Runs `python -m module` of the package in `code`; see there."""
    env = dict(os.environ) | {"PYTHONPATH": str(code), "OMP_WAIT_POLICY": "PASSIVE"}
    done = run_module(module, arguments, cwd, on_line, env)
    if done.code:
        what = arguments[0] if not arguments[0].startswith("-") else f"make {module.rpartition('.')[2]}"
        raise error_of(done.code, f"its own code could not {what}: " + "\n".join(done.lines[-20:]))
    return done
