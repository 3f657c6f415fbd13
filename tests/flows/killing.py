"""What runs in a process of its own that a test kills: the end of a retrain, from what was trained to its ledger.

The steps are those of `flows.retrain`, in its order, without Prefect around them, and with nothing published there; the
duel, which a toy champion cannot be asked to, is replaced by a verdict. `killing_refresh` has the same of a refresh.
"""

import hashlib
import itertools
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mlflow.store.model_registry.sqlalchemy_store
import mlflow.store.tracking.sqlalchemy_store  # noqa: F401  # which mlflow itself puts off, to every process anew
from sqlalchemy import Engine, event

from flows import promoting, steps
from flows.duel import Duel
from flows.settings import Settings, apply_settings
from tasks.params import load_params
from tasks.promotion.gate import judge
from tasks.registry import registry as serving_code
from tasks.registry.artifacts import fetch_model
from tasks.registry.completeness import refuse_incomplete
from tasks.registry.ledger import Ledger
from tasks.registry.registry import Registry
from tasks.registry.versions import Version
from tasks.versioning import hashes, push, reproduce, stage_order
from tests.promotion.evidence import PARAMS, measured
from tests.registry.agreement import assert_all_agree

WRITES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "shutil.rmtree", "subprocess.Popen")
"""Audit events that leave a trace, or set going what does; besides files opened to be written, and SQL."""
READS = ("SELECT", "PRAGMA")
Job = Callable[[Path], Version]


def train(root: Path) -> None:
    """All that comes before `finish`."""
    fetched = steps.fetch(root, silent)
    runs = [reproduce(root, stage, silent) for stage in stage_order(root / "dvc.yaml")]
    steps.write_report(apply_settings(root), [fetched, *runs])


def finish(settings: Settings) -> Version:
    """From what was trained to the version's stage."""
    params = load_params(settings.root / "params.yaml")
    push(settings.root, silent)
    registry = steps.open_registry(settings)
    version, _ = steps.register(settings, registry, params)
    judged = promoting.judge_version(settings, registry, params, version, silent)
    return promoting.promote(settings, registry, params, version, judged, "a retrain")


def finish_quickly(root: Path) -> Version:
    """Without MLflow's look at every package that is installed, and with the verdict given."""
    serving_code.serving_requirements = lambda: ["pandas"]
    promoting.duel = better
    return finish(apply_settings(root))


def better(*of_duel: Any) -> Duel:
    champion, challenger = of_duel[2:4]
    assert champion.number != challenger.number, "what serves is not judged again"
    return Duel(judge(replace(measured(), champion=1, challenger=2), PARAMS))


def count_writes(root: Path, job: Job) -> int:
    """How many the job takes."""
    counted = itertools.count()
    on_each_write(lambda: next(counted))
    job(root)
    return next(counted)


def die_before(root: Path, job: Job, fatal: int) -> None:
    """Dies before the job's write of that number, counting from 0."""
    counted = itertools.count()
    on_each_write(lambda: next(counted) == fatal and os.kill(os.getpid(), signal.SIGKILL))
    job(root)


def on_each_write(act: Callable[[], object]) -> None:
    """Before it is done, in this process, for as long as it lives."""

    def audited(name: str, arguments: tuple[Any, ...]) -> None:
        writes = name == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if writes or name in WRITES:
            act()

    def stated(*of_statement: Any) -> None:
        if not of_statement[2].lstrip().startswith(READS):
            act()

    sys.addaudithook(audited)
    event.listen(Engine, "before_cursor_execute", stated)
    event.listen(Engine, "commit", lambda _: act())


@dataclass(frozen=True)
class Aftermath:
    served: int | None
    """The version that the crash left in production, all of whose files are there."""
    whole: bool
    """Whether the files of that version are byte for byte those of the same version without a crash."""
    unpushed: frozenset[str]
    """What the remote lacked then."""
    version: Version
    """Of the next run."""
    versions: list[int]
    runs: list[str]
    """How they ended."""
    digest: str
    """Of the model that serves in the end."""


def aftermath(root: Path, job: Job, digests: Mapping[int, str]) -> Aftermath:
    """What a crash left, and what the next run of the job makes of it.

    `digests`: of versions that were made without a crash.

    Raises AssertionError where ledger, aliases and tags do not agree in the end.
    """
    settings = apply_settings(root)
    registry = registry_of(settings)
    served = registry.marks.holder("production")
    whole = served is None or digest_of(registry, served) == digests[served]
    unpushed = frozenset(not_in_remote(root))
    version = job(root)
    ledger = Ledger(settings.ledger)
    assert_all_agree(registry, ledger)
    of_version = [entry.change.evidence for entry in ledger.entries() if entry.change.version == version.number]
    sealed = [evidence["passport_sha256"] for evidence in of_version if "passport_sha256" in evidence]
    tags = registry.client.get_model_version(registry.name, str(version.number)).tags
    assert sealed[-1] == tags["passport_sha256"]
    experiment = registry.client.get_experiment_by_name("shoprec")
    runs = registry.client.search_runs([experiment.experiment_id]) if experiment else []
    ended = [run.info.status for run in runs]
    versions = sorted(registry.marks.versions())
    return Aftermath(served, whole, unpushed, version, versions, ended, digest_of(registry, version.number))


def digest_of_champion(root: Path) -> str:
    registry = registry_of(apply_settings(root))
    return digest_of(registry, registry.marks.holder("production") or 0)


def digest_of(registry: Registry, number: int) -> str:
    """Over code and state of a version, of which no file is missing."""
    refuse_incomplete(registry.name, number)
    found = hashlib.sha256()
    with tempfile.TemporaryDirectory() as folder:
        model = fetch_model(registry, number, Path(folder) / "model")
        for path in sorted([*(model.code / "tasks").rglob("*.py"), *model.bundle.rglob("*.json")]):
            found.update(path.read_bytes())
    return found.hexdigest()


def not_in_remote(root: Path) -> set[str]:
    """Of the data that the project names: hashes of files and folders that its remote has not got."""
    remote = root / "var" / "dvc-remote" / "files" / "md5"
    missing, waiting = set[str](), set(hashes(root).values())
    while waiting:
        digest = waiting.pop()
        file = remote / digest[:2] / digest[2:]
        if not file.exists():
            missing.add(digest)
        elif digest.endswith(".dir"):
            waiting |= {entry["md5"] for entry in json.loads(file.read_text())}
    return missing


def registry_of(settings: Settings) -> Registry:
    return Registry(settings.tracking_uri, settings.artifacts)


def silent(_line: str) -> None:
    pass
