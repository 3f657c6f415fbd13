"""Runs of peers, each in a process of its own, kept on disk by what they were made from."""

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tasks.folds import Fold
from tasks.kept_folds import processor
from tasks.schema import Task
from tests.benchmarks.peers.fit import SPENT
from tests.benchmarks.peers.known import PEERS, Known, Settings
from tests.benchmarks.peers.process import COST, Cost, run
from tests.benchmarks.peers.scored import Judge
from tests.benchmarks.peers.weeks import HISTORY, USERS, Weeks

HERE = Path(__file__).parent
CHOSEN = HERE / "chosen.json"
LOCK = HERE / "requirements.lock"
JUDGED_BY = "ndcg@10"
_SHARED = ("history.py", "lists.py", "fit.py")
OfTask = dict[Task, Settings]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Tried:
    weeks: Weeks
    python: Path
    """Of the peers' environment."""
    cache: Path
    data: str
    """Names the events that everything is made from."""
    say: Say

    def lists(self, name: str, back: int, settings: OfTask) -> Path:
        """A folder with `<task>.parquet` and the cost, of one fit in a process of its own."""
        return self._run(name, self.weeks.test(back), [settings]) / "0"

    def tuned(self, name: str) -> OfTask:
        """The best settings of the peer's grid on the validation week, a task."""
        peer, fold = PEERS[name], self.weeks.validation(0)
        out = self._run(name, fold, [dict.fromkeys(peer.tasks, settings) for settings in peer.grid])
        judge = Judge(self.weeks, fold)
        found = [judge.values(out / str(number)) for number in range(len(peer.grid))]
        best: OfTask = {}
        for task in peer.tasks:
            means = [float(of[task][JUDGED_BY].mean()) for of in found]
            for settings, value in zip(peer.grid, means, strict=True):
                self.say(f"  {name}, {task}: {value:.4f} {_told(peer, settings)}")
            best[task] = peer.grid[means.index(max(means))]
        return best

    def kept(self, name: str, back: int, settings: OfTask) -> Path | None:
        """What `lists` would give, where it is there already."""
        out = self._folder(name, self.weeks.test(back), [settings])
        return out / "0" if (out / "done").exists() else None

    def _folder(self, name: str, fold: Fold, settings: Sequence[OfTask]) -> Path:
        return self.cache / name.replace(" ", "-") / f"{fold.cutoff:%Y-%m-%d}-{self._key(name, settings)}"

    def _run(self, name: str, fold: Fold, settings: Sequence[OfTask]) -> Path:
        out = self._folder(name, fold, settings)
        if (out / "done").exists():
            return out
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        given = self._given(fold)
        (out / "settings.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")
        command = ["tests.benchmarks.peers.fit", "--peer", name, "--settings", out / "settings.json"]
        command += ["--history", given / HISTORY, "--users", given / USERS, "--out", out]
        took = run([self.python, "-m", *command], out / "log")
        for number in range(len(settings)):
            spent = json.loads((out / str(number) / SPENT).read_text(encoding="utf-8"))
            Cost(**spent, peak_mib=took.peak_mib).save(out / str(number) / COST)
        (out / "done").touch()
        cost = Cost.load(out / "0" / COST)
        self.say(
            f"{name}, {fold.cutoff:%Y-%m-%d}, {len(settings)} setting(s): {took.seconds:.0f} s, of the first"
            f" {cost.fit_s:.1f} to fit and {cost.recommend_s:.1f} to recommend, {took.peak_mib:,.0f} MiB"
        )
        return out

    def _given(self, fold: Fold) -> Path:
        folder = self.cache / "given" / f"{fold.cutoff:%Y-%m-%d}-{self.data}-{content('history.py', 'weeks.py')}"
        if not (folder / "done").exists():
            self.weeks.write_for_peers(fold, folder)
            (folder / "done").touch()
        return folder

    def _key(self, name: str, settings: Sequence[OfTask]) -> str:
        peer = PEERS[name]
        code = content(*_SHARED, LOCK.name, f"{peer.made_by.partition(':')[0]}.py")
        about: list[Any] = [code, self.data, peer.made_by, peer.per_task, settings]
        return digest(json.dumps(about, sort_keys=True).encode())

    @cached_property
    def chosen(self) -> dict[str, OfTask]:
        return json.loads(CHOSEN.read_text(encoding="utf-8")) if CHOSEN.exists() else {}


def write_chosen(chosen: dict[str, OfTask]) -> None:
    CHOSEN.write_text(json.dumps(chosen, indent=1) + "\n", encoding="utf-8")


def content(*files: str) -> str:
    """Of files beside this one."""
    return digest(b"\0".join((HERE / file).read_bytes() for file in files))


def digest(of: bytes) -> str:
    return hashlib.sha256(of).hexdigest()[:10]


def code_digest(params: Path) -> str:
    """Names what the project's stages are made of, and what they run with."""
    files = [*sorted(Path("tasks").rglob("*.py")), params, Path("requirements.lock")]
    return digest(b"\0".join(file.read_bytes() for file in files))


def data_digest(tables: Sequence[Path]) -> str:
    """Names what is read, and the processor, so that what another took is not told as what this one took."""
    return digest(b"\0".join([processor().encode(), *(table.read_bytes() for table in tables)]))


def events_digest(valid: Path) -> str:
    """Of the one table that peers know, as `Tried.data` names it."""
    return data_digest([valid / "events.parquet"])


def _told(peer: Known, settings: Settings) -> str:
    """What differs within the grid."""
    first = [key for key in settings if any(other.get(key) != settings[key] for other in peer.grid)]
    return ", ".join(f"{key} {settings[key]}" for key in first)
