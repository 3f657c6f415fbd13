"""What a week more of data costs: a retrain from nothing, the retrain and the refresh of the week after.

    python -m tests.benchmarks.week_later --fresh
    python -m tests.benchmarks.week_later --made-up 5000000

On The Complete Journey, or a made-up shop of so many events, without its last week, and then with it, each command as a
person calls it in a fresh checkout.
Prints seconds, processor seconds and memory of whole commands and the seconds of each stage, and their shares of those
from nothing. With `--fresh` a second checkout makes the last week from nothing too, and it exits with 1 where any file
that the stages made differs from those of the retrain that found the week before.
"""

import argparse
import json
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from rich.console import Console
from rich.table import Table

from tasks.folds import newest_folds
from tasks.ingestion.sources.complete_journey import fetch_complete_journey
from tasks.ingestion.storage import write_table
from tasks.kept_folds import digest_of_file, digest_of_folder
from tasks.params import Params
from tasks.schema import EVENTS, TIMESTAMP, TableName
from tests.benchmarks.checkouts import check_out
from tests.benchmarks.made_up import shop as made_up
from tests.benchmarks.peers.process import Took
from tests.benchmarks.stages import run_step

_COMMAND = "import sys; sys.stdout = open('told.json', 'w'); from flows.cli import main; main()"
_MADE = ("data/valid", "data/features", "data/candidates", "data/examples", "data/boosters", "models/ranker")
_SCORED = ("reports/metrics.json", "reports/per_user.parquet", "reports/test_lists.parquet")
NOTHING, LATER, REFRESH = "from nothing", "a week later", "refresh"


@dataclass(frozen=True)
class Done:
    took: Took
    stages: dict[str, float]
    """Seconds."""


def main() -> None:
    given = _parse()
    console = Console(highlight=False)
    with tempfile.TemporaryDirectory(prefix="shoprec-bench-", ignore_cleanup_errors=True) as folder:
        root, repository = Path(folder), Path.cwd()
        before, now = _exports(root, repository / "params.yaml", given.made_up)
        found = {NOTHING: _run(_project(repository, given.revision, root / NOTHING, before), "run")}
        for name, command in ((LATER, "run"), (REFRESH, "refresh")):
            project = shutil.copytree(root / NOTHING, root / name, symlinks=True)
            found[name] = _run(_on(project, now), command)
            console.print(f"{name}: {found[name].took.seconds:.0f} s")
        differing = []
        if given.fresh:
            _run(_project(repository, given.revision, root / "fresh", now), "run")
            differing = [of for of in (*_MADE, *_SCORED) if _digest(root / "fresh" / of) != _digest(root / LATER / of)]
    console.print(_commands(found))
    console.print(_stages(found))
    if given.fresh:
        console.print(f"differs from what is made from nothing: {', '.join(differing) or 'nothing'}")
    sys.exit(1 if differing else 0)


@dataclass(frozen=True)
class _Exports:
    folder: Path
    sections: dict[str, Any]
    """Of `params.yaml`, which they replace."""


def _exports(root: Path, params: Path, events_made_up: int | None) -> tuple[_Exports, _Exports]:
    """Without the newest week, and whole. Promotions are known ahead, so both have them all."""
    tables, sections = _shop(root / "shop", events_made_up)
    known = Params.model_validate(yaml.safe_load(params.read_text(encoding="utf-8")) | sections)
    newest, serve = newest_folds(tables[EVENTS], known.folds, known.shop)
    made = []
    for name, cutoff in (("before", newest.cutoff), ("now", serve.cutoff)):
        folder, events = root / name, tables[EVENTS]
        folder.mkdir()
        for table, frame in (tables | {EVENTS: events[events[TIMESTAMP] < cutoff]}).items():
            write_table(frame, folder / f"{table}.parquet")
        source = sections["source"] | {"as_of": cutoff.isoformat()}
        made.append(_Exports(folder, sections | {"source": source}))
    return made[0], made[1]


def _shop(folder: Path, events_made_up: int | None) -> tuple[dict[TableName, pd.DataFrame], dict[str, Any]]:
    """Its tables, and what they need of `params.yaml` where they lie in `exports`."""
    if events_made_up is not None:
        made_up.write_shop(folder, events_made_up)
        return {name: pd.read_parquet(folder / f"{name}.parquet") for name in made_up.TABLES}, made_up.params()
    exported = {name: {"path": f"exports/{name}.parquet"} for name in made_up.TABLES}
    return fetch_complete_journey(), {"source": {"adapter": "files", "tables": exported}}


def _project(repository: Path, revision: str, folder: Path, exports: _Exports) -> Path:
    return _on(check_out(repository, revision, folder), exports)


def _on(project: Path, exports: _Exports) -> Path:
    """The project with these exports as its source."""
    shutil.copytree(exports.folder, project / "exports", dirs_exist_ok=True)
    params = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8")) | exports.sections
    (project / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    return project


def _run(project: Path, command: str) -> Done:
    took = run_step([sys.executable, "-c", _COMMAND, command, "--json"], project, project, project / "log")
    told = json.loads((project / "told.json").read_text(encoding="utf-8"))
    return Done(took, {stage["name"]: stage["seconds"] for stage in told.get("stages", told.get("runs"))})


def _digest(path: Path) -> str:
    return digest_of_folder(path) if path.is_dir() else digest_of_file(path)


def _commands(found: dict[str, Done]) -> Table:
    table = Table("whole command", "seconds", "processor s", "peak MiB")
    first = found[NOTHING].took
    for name, done in found.items():
        of = done.took
        seconds, cpu = (
            f"{of.seconds:.0f} ({of.seconds / first.seconds:.0%})",
            f"{of.cpu_s:.0f} ({of.cpu_s / first.cpu_s:.0%})",
        )
        table.add_row(name, seconds, cpu, f"{of.peak_mib:,.0f}")
    return table


def _stages(found: dict[str, Done]) -> Table:
    names = list(found[NOTHING].stages)
    table = Table("seconds of stages", *names)
    for name, done in found.items():
        table.add_row(name, *(f"{done.stages[stage]:.0f}" if stage in done.stages else "" for stage in names))
    return table


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.week_later", description=__doc__)
    parser.add_argument("--revision", default="HEAD", help="what to measure")
    parser.add_argument("--made-up", type=int, metavar="EVENTS", help="a made-up shop instead, of about so many events")
    parser.add_argument("--fresh", action="store_true", help="also make the last week from nothing, and compare")
    return parser.parse_args()


if __name__ == "__main__":
    main()
