"""shoprec and its peers on the same weeks: quality with paired intervals, seconds and memory, to docs/benchmarks.md.

    python -m tests.benchmarks.peers --python .venv-peers/bin/python --out docs/benchmarks.md

Every peer is fitted for each of the last weeks anew, on purchases before that week, in a process of its own. shoprec
learns as a retrain then would have. Settings of peers are in `chosen.json` beside this file; `--tune` chooses them
anew. A run that was stopped goes on from what is in the cache.
"""

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from rich.console import Console

from tasks.ingestion.valid import Valid
from tasks.params import load_params
from tasks.schema import TASKS, Task
from tests.benchmarks.peers.known import PEERS
from tests.benchmarks.peers.machine import machine, versions
from tests.benchmarks.peers.ours import Ours
from tests.benchmarks.peers.page import Benchmark, Entrant, write_page
from tests.benchmarks.peers.process import COST, Cost
from tests.benchmarks.peers.scored import BEYOND, METRICS, Judge
from tests.benchmarks.peers.tried import Tried, code_digest, content, data_digest, digest, events_digest, write_chosen
from tests.benchmarks.peers.weeks import Weeks

SHOPREC = "shoprec"


def main() -> None:
    given = _parse()
    console = Console(highlight=False)
    params = load_params(given.params)
    weeks = Weeks(Valid.read(given.valid), params, given.weeks)
    tried = Tried(weeks, given.python, given.cache, events_digest(given.valid), console.print)
    code = digest(f"{code_digest(given.params)}{content('ours.py', 'our_fold.py', 'process.py')}".encode())
    kept = given.cache / f"shoprec-{code}-{data_digest(sorted(given.valid.glob('*.parquet')))}"
    ours = Ours(weeks, given.params, given.valid, kept)
    names = [name for name in PEERS if not given.only or name in given.only]
    chosen = dict(tried.chosen)
    for name in names:
        if given.tune or name not in chosen:
            chosen[name] = tried.tuned(name)
            write_chosen({name: chosen[name] for name in PEERS if name in chosen})
    folders: dict[str, list[Path]] = {name: [] for name in [SHOPREC, *names]}
    for back in range(given.weeks):
        folders[SHOPREC].append(ours.lists(back))
        console.print(f"{SHOPREC}, {weeks.test(back).cutoff:%Y-%m-%d}: {Cost.load(folders[SHOPREC][-1] / COST)}")
        for name in [name for name in names if back == 0 or not (PEERS[name].last_week_only or name in given.once)]:
            folders[name].append(tried.lists(name, back, chosen[name]))
    judges = [Judge(weeks, weeks.test(back)) for back in range(given.weeks)]
    found = Benchmark(
        day=datetime.now(UTC).date(),
        machine=machine(),
        versions=versions(given.python),
        cutoffs=[weeks.test(back).cutoff.date() for back in range(given.weeks)],
        validation=weeks.validation(0).cutoff.date(),
        entrants=[_entrant(judges, name, of) for name, of in folders.items()],
        draws=params.evaluation.draws,
        seed=params.evaluation.seed,
    )
    write_page(found, given.out)


def _entrant(judges: list[Judge], name: str, folders: list[Path]) -> Entrant:
    by_week = [_kept_values(judge, folder) for judge, folder in zip(judges, folders, strict=False)]
    of_task: Mapping[Task, list[pd.DataFrame]] = {
        task: [found[task] for found in by_week] for task in TASKS if task in by_week[0]
    }
    tried = len(PEERS[name].grid) if name in PEERS else None
    return Entrant(name, of_task, [Cost.load(folder / COST) for folder in folders], tried)


def _kept_values(judge: Judge, folder: Path) -> dict[Task, pd.DataFrame]:
    """Scored anew where a metric is missing, as the lists are kept beside the values."""
    files: dict[Task, Path] = {task: folder / f"{task}.values.parquet" for task in TASKS}
    kept: dict[Task, pd.DataFrame] = {task: pd.read_parquet(file) for task, file in files.items() if file.exists()}
    if not kept or any(not {*METRICS, *BEYOND} <= {*frame.columns} for frame in kept.values()):
        kept = judge.values(folder)
        for task, frame in kept.items():
            frame.to_parquet(files[task])
    return kept


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.peers", description=__doc__)
    parser.add_argument("--python", type=Path, default=Path(".venv-peers/bin/python"), help="of the peers' environment")
    parser.add_argument("--valid", type=Path, default=Path("data/valid"), help="valid tables of a finished run")
    parser.add_argument("--params", type=Path, default=Path("params.yaml"))
    parser.add_argument("--weeks", type=int, default=8, help="how many of the last weeks")
    parser.add_argument("--only", nargs="*", choices=list(PEERS), help="some peers, for a quick look")
    parser.add_argument("--once", nargs="*", choices=list(PEERS), default=[], help="peers for the last week only")
    parser.add_argument("--tune", action="store_true", help="choose the peers' settings anew, on the validation week")
    parser.add_argument("--cache", type=Path, default=Path("var/bench-peers"), help="where finished parts are kept")
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks.md"), help="page whose part is written anew")
    return parser.parse_args()


if __name__ == "__main__":
    main()
