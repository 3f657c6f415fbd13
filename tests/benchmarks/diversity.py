"""What novelty and variety in the first places of lists cost, on the test fold of a finished run.

    python -m tests.benchmarks.diversity --out docs/diversity.md

The ranker scores once; only its first places are re-ranked, once a strength. Peers stand beside it as far as a run of
`make bench-peers` left their lists of that week.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from rich.console import Console

from tasks.ingestion.valid import Valid
from tasks.params import load_params
from tasks.params.ranker import StrengthParams
from tasks.recommender import Recommender
from tasks.schema import TASKS, USER, Task
from tasks.stage import run_stage
from tests.benchmarks.diversity_page import Found, Listed, Swept, write_page
from tests.benchmarks.finished_run import add_finished_run, tested_recommender
from tests.benchmarks.peers.fit import DEPTH
from tests.benchmarks.peers.known import PEERS
from tests.benchmarks.peers.scored import Judge
from tests.benchmarks.peers.tried import Tried, events_digest
from tests.benchmarks.peers.weeks import Weeks

NOVELTY = (0.0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.07, 0.1, 0.15, 0.2)
VARIETY = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)


def main() -> None:
    given = _parse()
    console = Console(highlight=False)
    params = load_params(given.params)
    weeks = Weeks(Valid.read(given.valid), params, 1)
    judge = Judge(weeks, weeks.test(0))
    recommender = tested_recommender(given, weeks.valid.items, params)
    tried = Tried(weeks, Path(), given.peers, events_digest(given.valid), console.print)
    swept: dict[Task, Swept] = {}
    for task in TASKS:
        by_novelty, by_variety = (
            list(_swept(recommender, judge, task, strengths))
            for strengths in (
                [StrengthParams(novelty=n) for n in NOVELTY],
                [StrengthParams(variety=v) for v in VARIETY],
            )
        )
        swept[task] = Swept(by_novelty, by_variety, _peers(tried, judge, task))
        console.print(f"{task}: {len(by_novelty) + len(by_variety)} strengths, {len(swept[task].peers)} peers")
    found = Found(
        day=datetime.now(UTC).date(),
        cutoff=judge.fold.cutoff.date(),
        swept=swept,
        places=params.diversity.places,
        head=params.diversity.head,
        draws=params.evaluation.draws,
        seed=params.evaluation.seed,
    )
    write_page(found, given.out)


def _swept(recommender: Recommender, judge: Judge, task: Task, strengths: Sequence[StrengthParams]) -> Iterator[Listed]:
    users = judge.weeks.labels(judge.fold, task)[USER].drop_duplicates().sort_values().to_numpy()
    positions = recommender.retrieval.positions(users)
    ranked = recommender.rank(recommender.candidates(positions, task), task)
    asked = judge.weeks.params.diversity
    for strength in strengths:
        diversity = asked.model_copy(update={task: strength})
        begun = time.perf_counter()
        lists = replace(recommender, diversity=diversity).listed(ranked, users, DEPTH, task)
        seconds = time.perf_counter() - begun
        yield Listed(strength, judge.of_lists(lists, task), seconds)


def _peers(tried: Tried, judge: Judge, task: Task) -> dict[str, pd.DataFrame]:
    found: dict[str, pd.DataFrame] = {}
    for name in [name for name in PEERS if task in tried.chosen.get(name, {})]:
        folder = tried.kept(name, 0, tried.chosen[name])
        if folder is not None:
            found[name] = judge.of_lists(pd.read_parquet(folder / f"{task}.parquet"), task)
    return found


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.diversity", description=__doc__)
    add_finished_run(parser)
    parser.add_argument("--peers", type=Path, default=Path("var/bench-peers"), help="where bench-peers keeps its lists")
    parser.add_argument("--out", type=Path, default=Path("docs/diversity.md"), help="page whose part is written anew")
    return parser.parse_args()


if __name__ == "__main__":
    run_stage(main)
