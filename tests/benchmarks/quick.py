"""Guards against regressions, in minutes: this working tree and an older revision take turns on a small made-up shop.

    python -m tests.benchmarks.quick --against main --turns 3

Both run the pure steps of `dvc.yaml` on the same raw data. Prints, for each step, the ratio of processor seconds, of
seconds on the clock and of peak memory: the median of the turns with their lowest and highest; and that of NDCG@10 on
both tasks with its paired 95 % interval over shoppers. Exits with 1 where a step takes more than the tolerated share
more in every turn, or the whole interval of a quality lies below what must be kept: see `ratios`.
"""

import argparse
import compileall
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import yaml
from rich.console import Console
from rich.table import Table

from tasks.evaluation.headline import TASK_NAMES, metric_title
from tasks.evaluation.intervals import bootstrap
from tasks.schema import TASK, TASKS, USER, Task
from tests.benchmarks.checkouts import check_out, is_changed
from tests.benchmarks.made_up.shop import params, write_shop
from tests.benchmarks.peers.process import Took
from tests.benchmarks.ratios import Ratio, is_dearer, is_worse, ratio
from tests.benchmarks.stages import FETCH, lay_out, run_step, steps

JUDGED = "ndcg@10"
MEASURES = {"processors": "cpu_s", "clock": "seconds", "memory": "peak_mib"}
"""Name to the field of `Took`."""
_ALL = "all steps"
_FOLDS, _SPAN = {"horizon_days": 7, "train": 4}, 2
"""Fewer weeks than a retrain has, so that there is time for more turns; their spans make three boosters a task."""
Turn = dict[str, Took]


def main() -> None:
    given = _parse()
    console = Console(highlight=False)
    with tempfile.TemporaryDirectory(prefix="shoprec-bench-", ignore_cleanup_errors=True) as folder:
        root, here = Path(folder), Path.cwd()
        sides = {"ours": here, "theirs": check_out(here, given.against, root / "theirs" / "code")}
        _land(root, here, given.events)
        turns: dict[str, list[Turn]] = {name: [] for name in sides}
        for number in range(given.turns):
            for name, code in list(sides.items())[:: 1 if number % 2 == 0 else -1]:
                turns[name].append(_turn(root / name, root / "raw", code))
                console.print(f"turn {number + 1}, {name}: {turns[name][-1][_ALL].cpu_s:.1f} s of processors")
        qualities: dict[Task, Ratio] = {task: _quality(root, task) for task in TASKS}
    console.print(_table(turns, f"this tree / {given.against}"))
    for task, found in qualities.items():
        console.print(
            f"{metric_title(JUDGED)} on {TASK_NAMES[task]}: {found.value:.3f} ({found.low:.3f} to {found.high:.3f})"
        )
    faults = regressions(turns, qualities)
    for fault in faults:
        console.print(f"[red]regression[/red]: {fault}")
    sys.exit(1 if faults else 0)


def regressions(turns: Mapping[str, Sequence[Turn]], qualities: Mapping[Task, Ratio]) -> list[str]:
    """What got worse, in words."""
    found = []
    for step in turns["ours"][0]:
        for measure, field in MEASURES.items():
            ours, theirs = _of_step(turns, step, field)
            if is_dearer(ours, theirs, measure):
                found.append(f"{step} takes {ratio(ours, theirs)} times the {measure}")
    for task, quality in qualities.items():
        if is_worse(quality):
            found.append(f"{metric_title(JUDGED)} on {TASK_NAMES[task]} is {quality} of what it was")
    return found


def _land(root: Path, code: Path, events: int) -> None:
    """`root/raw`, for both."""
    project = root / "shop"
    lay_out(project, code, params())
    write_shop(project / "exports", events)
    run_step(steps(code)[FETCH], project, code, root / "fetch.log")
    shutil.move(project / "data" / "raw", root / "raw")
    # Else the first turn of a fresh checkout would pay for what every later one finds.
    for tree in (code, root / "theirs" / "code"):
        compileall.compile_dir(tree / "tasks", quiet=2)


def _turn(side: Path, raw: Path, code: Path) -> Turn:
    """All pure steps from the raw data on; what the turn before made is gone."""
    project = side / "project"
    shutil.rmtree(project, ignore_errors=True)
    ranker = yaml.safe_load((code / "params.yaml").read_text(encoding="utf-8"))["ranker"]
    spanned = {task: of | ({"span": _SPAN} if "span" in of else {}) for task, of in ranker.items()}
    lay_out(project, code, params() | {"folds": _FOLDS, "ranker": spanned})
    shutil.copytree(raw, project / "data" / "raw")
    commands = {name: command for name, command in steps(code).items() if name != FETCH}
    turn = {name: run_step(command, project, code, side / "log") for name, command in commands.items()}
    total = [sum(getattr(took, field) for took in turn.values()) for field in ("seconds", "cpu_s")]
    return turn | {_ALL: Took(*total, peak_mib=max(took.peak_mib for took in turn.values()))}


def _quality(root: Path, task: Task, draws: int = 2000) -> Ratio:
    """Ours / theirs, of the same shoppers."""
    ours, theirs = (_values(root / side, task) for side in ("ours", "theirs"))
    together = pd.concat([ours, theirs], axis=1, join="inner").to_numpy()
    difference = bootstrap(together[:, :1] - together[:, 1:], draws, seed=7)
    before = float(together[:, 1].mean())
    value, low, high = (1 + float(of[0]) / before for of in (difference.mean, difference.low, difference.high))
    return Ratio(value, low, high)


def _values(side: Path, task: Task) -> pd.Series:
    frame = pd.read_parquet(side / "project" / "reports" / "per_user.parquet")
    return frame[frame[TASK] == task].set_index(USER)[JUDGED]


def _of_step(turns: Mapping[str, Sequence[Turn]], step: str, field: str) -> tuple[list[float], list[float]]:
    """A step that the other revision lacks has nothing to be compared with: it is held against itself."""
    ours = [getattr(turn[step], field) for turn in turns["ours"]]
    theirs = [getattr(turn[step], field) for turn in turns["theirs"] if step in turn]
    return ours, theirs or ours


def _table(turns: Mapping[str, Sequence[Turn]], title: str) -> Table:
    table = Table("step", "processor seconds", "seconds on the clock", "peak memory", title=title)
    for step in turns["ours"][0]:
        cells = [str(ratio(*_of_step(turns, step, field))) for field in MEASURES.values()]
        table.add_row(step, *cells)
    return table


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.quick", description=__doc__)
    before = "HEAD" if is_changed(Path.cwd()) else "HEAD~1"
    parser.add_argument("--against", default=before, help="revision to compare with; that before what this tree holds")
    parser.add_argument("--turns", type=int, default=3, help="how often each side runs")
    parser.add_argument("--events", type=int, default=50_000, help="of the made-up shop")
    return parser.parse_args()


if __name__ == "__main__":
    main()
