"""shoprec itself in past weeks: its own stages, params and command lines, on the tables as they were then.

Only the folds are made here, one by one, as the weeks share them: the fold that one week is tested on is what the next
one stops its learning on, and the one after that learns from.
"""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tasks.folds import Fold
from tasks.recommender import bundle
from tasks.schema import TASKS
from tests.benchmarks.peers.fit import DEPTH
from tests.benchmarks.peers.our_fold import FEATURES, RETRIEVAL
from tests.benchmarks.peers.process import COST, Cost, Took, run
from tests.benchmarks.peers.weeks import Weeks


@dataclass(frozen=True)
class Ours:
    weeks: Weeks
    params: Path
    valid: Path
    cache: Path
    """For this code, params and data only."""

    def lists(self, back: int) -> Path:
        """A folder with `<task>.parquet` and the cost of the week: from nothing, all of its folds included."""
        out = self.cache / f"week-{self.weeks.test(back).cutoff:%Y-%m-%d}"
        if not (out / COST).exists():
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir(parents=True)
            self._run(back, out)
        return out

    def _run(self, back: int, out: Path) -> None:
        fold, job = self.weeks.test(back), out / "job"
        took = [self._fold(of) for of in (*self.weeks.learned_from(back).values(), fold)]
        self.weeks.write_valid(fold, job / "valid")
        for name, of in self.weeks.learned_from(back).items():
            self._link(of, name, job)
        rerank = ["tasks.reranking", "--params", self.params, "--valid", job / "valid"]
        for part in ("features", "candidates", "examples", "boosters", "ranker"):
            rerank += [f"--{part}", job / part]
        took.append(run([sys.executable, "-m", *rerank], out / "rerank.log"))
        state, items = self._folder(fold), self.weeks.valid.items
        params = self.weeks.params
        parts = job / "ranker", state / FEATURES, state / RETRIEVAL
        bundle(*parts, items, params.candidates, params.diversity, job / "bundle")
        self.weeks.asked(fold).to_parquet(job / "users.parquet", index=False)
        asked = ["tasks.recommender", "recommend", "--bundle", job / "bundle", "--users", job / "users.parquet"]
        recommended = run(
            [sys.executable, "-m", *asked, "--k", str(DEPTH), "--out", job / "lists.parquet"], out / "recommend.log"
        )
        lists = pd.read_parquet(job / "lists.parquet")
        for task in TASKS:
            lists[lists["task"] == task].drop(columns="task").to_parquet(out / f"{task}.parquet", index=False)
        Cost(
            fit_s=sum(of.seconds for of in took),
            fit_cpu_s=sum(of.cpu_s for of in took),
            recommend_s=recommended.seconds,
            recommend_cpu_s=recommended.cpu_s,
            peak_mib=max(of.peak_mib for of in (*took, recommended)),
        ).save(out / COST)
        shutil.rmtree(job)

    def _fold(self, fold: Fold) -> Took:
        out = self._folder(fold)
        if not (out / COST).exists():
            shutil.rmtree(out, ignore_errors=True)
            out.parent.mkdir(parents=True, exist_ok=True)
            command = ["tests.benchmarks.peers.our_fold", "--valid", self.valid, "--params", self.params]
            command += ["--cutoff", fold.cutoff.isoformat(), "--end", fold.end.isoformat(), "--out", out]
            took = run([sys.executable, "-m", *command], out.with_suffix(".log"))
            took.save(out / COST)
        return Took.load(out / COST)

    def _link(self, fold: Fold, name: str, job: Path) -> None:
        """As the stages `features` and `candidates` leave them."""
        state = self._folder(fold).resolve()
        for part in ("features", "candidates"):
            (job / part).mkdir(exist_ok=True)
        (job / "features" / name).symlink_to(state / FEATURES)
        (job / "candidates" / name).mkdir()
        for task in TASKS:
            (job / "candidates" / name / f"{task}.parquet").symlink_to(state / f"{task}.parquet")

    def _folder(self, fold: Fold) -> Path:
        return self.cache / f"fold-{fold.cutoff:%Y-%m-%d}"
