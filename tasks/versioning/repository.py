"""The project as a DVC repository: run a stage, version a folder, push, pull. Nobody else calls dvc.

DVC is called as a program and not through its Python API: that one depends on the working directory, and a stage's
output passes it by.
"""

import json
import os
import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.addresses import without_password
from tasks.errors import ShoprecError, TransientError
from tasks.versioning.lock import pointers
from tasks.versioning.process import Children, Finished, OnLine, error_of, run_module

_EXITED = re.compile(r"ERROR: failed to reproduce .* exited with (-?\d+)$")
_ASIDES = (
    "Generating lock file",
    "Updating lock file",
    "Use `dvc push`",
    "Data and pipelines are up to date",
    "To track the changes with git",
    "\tgit add",
    "To enable auto staging",
    "\tdvc config core.autostage",
)
"""Advice of DVC's that the flow follows by itself, or that is the same after every stage."""


@dataclass(frozen=True)
class StageRun:
    """One stage in one run of the job."""

    name: str
    skipped: bool
    """Nothing it depends on had changed, so what it made before stands (or came back from DVC's cache)."""
    seconds: float
    peak_mib: float


def prepare(root: Path) -> None:
    """Makes a folder without git work too: DVC then keeps hashes, cache and remote, but has no history to compare."""
    config = root / ".dvc" / "config"
    if not config.exists():
        raise ShoprecError(f"{config} does not exist: it comes with the project, so restore it")
    local = config.with_name("config.local")
    outside_git = not any((folder / ".git").exists() for folder in (root.resolve(), *root.resolve().parents))
    marked = local.exists() and "no_scm" in local.read_text(encoding="utf-8")
    if outside_git and not marked:
        _dvc(root, "config", "--local", "core.no_scm", "true")
    elif marked and not outside_git:
        _dvc(root, "config", "--local", "--unset", "core.no_scm")


def reproduce(root: Path, stage: str, on_line: OnLine, beside: Children | None = None) -> StageRun:
    """Runs one stage if anything that it depends on has changed; `beside` those that run at the same time, if any do.

    Raises what its entry raised (told by the exit code), with the stage's own words; TransientError where another
    process works on the same repository. Of stages side by side each waits for DVC's lock, as long as that takes.
    """
    # DVC holds its lock while it hashes: as long as it likes, where the results are large.
    waits = [] if beside is None else ["--wait-for-lock"]

    def told(line: str) -> None:
        if not line.startswith(_ASIDES):
            on_line(line)

    done = _run(root, told, *waits, "repro", "--single-item", stage, children=beside)
    if done.code:
        raise _failure_of_stage(stage, done)
    skipped = not any(line.startswith("Running stage") for line in done.lines)
    return StageRun(stage, skipped, done.seconds, done.peak_mib)


def changes(root: Path, stages: Sequence[str]) -> dict[str, list[str]]:
    """Of these stages those whose results are not what a run would make now, each with what was changed or is missing.

    As DVC tells it, by content: nothing is run.
    """
    told = json.loads(_dvc(root, "status", "--json", *stages).lines[-1])
    return {stage: sorted(_named(found)) for stage, found in told.items()}


def _named(found: Sequence[Any]) -> Iterator[str]:
    """DVC nests what it found: `[{"changed deps": {path: how, "params.yaml": {section: how}}}, "changed command"]`."""
    for part in found:
        if isinstance(part, str):
            yield part
            continue
        for entries in part.values():
            for path, how in entries.items():
                yield from (
                    (f"{path}: {key} {of}" for key, of in how.items()) if isinstance(how, dict) else [f"{path} {how}"]
                )


def track(root: Path, path: str) -> None:
    """Versions what the outside world brought: writes `<path>.dvc`, meant to be committed to git."""
    _dvc(root, "add", "--quiet", path)


def push(root: Path, on_line: OnLine, stages: Collection[str] | None = None) -> None:
    """Copies all that `dvc.lock` and `*.dvc` name to the remote. Raises TransientError: a remote may come back; and
    ShoprecError where none is named.

    `stages`: of the lock only what these made; None: of all.

    All is named to DVC: by itself it passes over `data/raw.dvc` in git, where `data/*` is ignored but for pointers.
    """
    named = [path.relative_to(root).as_posix() for path in [root / "dvc.yaml", *pointers(root)] if path.is_file()]
    if stages is not None:
        named = [*stages, *(name for name in named if name != "dvc.yaml")]
    done = _run(root, on_line, "push", *named)
    if done.code:
        raise _failure_of_push(root, done)


def refusal_of(root: Path, remote: str, limit_s: float) -> str | None:
    """Why DVC cannot list the remote of that name, in its words; None: it can."""
    done = _run(root, lambda _: None, "list-url", f"remote://{remote}/", limit_s=limit_s)
    if done.code == 0:
        return None
    return f"no answer in {limit_s:g} s" if done.seconds >= limit_s else _last_words(done)


def pull(root: Path, named: Sequence[str], on_line: OnLine) -> None:
    """Brings what these pointers stand for from the remote. Raises TransientError: a remote may come back."""
    done = _run(root, on_line, "pull", *named)
    if done.code:
        raise TransientError(f"the data could not be pulled from DVC's remote: {_last_words(done)}")


def pull_results(root: Path, on_line: OnLine) -> None:
    """Brings what `dvc.lock` names, as far as the remote has it: what has not changed is skipped then.

    What cannot be had is made anew, so that is no fault. In the cache alone it would not do: of a stage whose outputs
    persist, DVC takes nothing from there.
    """
    if (root / "dvc.lock").is_file():
        _run(root, on_line, "pull", "--allow-missing", "dvc.yaml")


def configuration(root: Path) -> dict[str, str]:
    """Of DVC, by its dotted names; paths are absolute."""
    lines = _dvc(root, "config", "--list").lines
    return {name: value for name, between, value in (line.partition("=") for line in lines) if between}


def configuration_of_remote(root: Path) -> dict[str, str]:
    """What another folder needs to find the remote that DVC pushes to; empty where there is none."""
    known = configuration(root)
    name = known.get("core.remote")
    mine = {of: value for of, value in known.items() if of.startswith(f"remote.{name}.")}
    return {"core.remote": name} | mine if name and mine else {}


def configure(root: Path, values: Mapping[str, str]) -> None:
    """By dotted names, in a file that git ignores (`.dvc/config.local`)."""
    for name, value in values.items():
        _dvc(root, "config", "--local", name, value)


def _dvc(root: Path, *arguments: str) -> Finished:
    done = _run(root, lambda _: None, *arguments)
    if done.code:
        _refuse_busy(done)
        raise ShoprecError(f"`dvc {' '.join(arguments)}` failed in {root}: {_last_words(done)}")
    return done


def _run(
    root: Path, on_line: OnLine, *arguments: str, limit_s: float | None = None, children: Children | None = None
) -> Finished:
    return run_module("dvc", arguments, root, on_line, _environment(root), limit_s, children)


def _environment(root: Path) -> dict[str, str]:
    """Stages find this very Python as `python`; DVC keeps its indexes beside its remote, so that both go together.

    OpenMP threads that spin while they wait make a machine that has other work too many times slower.
    """
    env = dict(os.environ)
    env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), env.get("PATH", os.defpath)])
    env["SHELL"] = "/bin/sh"
    env["PYTHONUNBUFFERED"] = "1"
    env.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    env.setdefault("DVC_NO_ANALYTICS", "true")
    env.setdefault("DVC_SITE_CACHE_DIR", str(root.resolve() / "var" / "dvc-index"))
    return env


def _failure_of_stage(stage: str, done: Finished) -> ShoprecError:
    exited = next((found for line in reversed(done.lines) if (found := _EXITED.match(line))), None)
    if exited is None:
        _refuse_busy(done)
        return ShoprecError(f"dvc could not run stage '{stage}': {_last_words(done)}")
    return error_of(int(exited[1]), f"stage '{stage}' failed: {_words_of_stage(done)}")


def _failure_of_push(root: Path, done: Finished) -> ShoprecError:
    known = configuration(root)
    name = known.get("core.remote")
    if name is None:
        return ShoprecError(
            "the data could not be pushed, so nothing was promoted: DVC has no default remote; name one,"
            " `dvc remote default NAME`, see `dvc remote list`"
        )
    address = without_password(known.get(f"remote.{name}.url", "no address"))
    return TransientError(
        f"the data could not be pushed to DVC's remote '{name}' at {address}, so nothing was promoted:"
        f" {_last_words(done)}\n"
        "See that it can be reached and written, or in .dvc/config that it is the right one, then run again: what is"
        " there already is not sent anew."
    )


def _words_of_stage(done: Finished) -> str:
    """What the stage said, without what DVC said around it; the end of it where it is long."""
    begin = next((n for n, line in enumerate(done.lines) if line.startswith("> ")), -1)
    return "\n".join([line for line in done.lines[begin + 1 :] if line and not _EXITED.match(line)][-60:])


def _refuse_busy(done: Finished) -> None:
    if any("is busy" in line or "Unable to acquire lock" in line for line in done.lines):
        raise TransientError(f"another process works on this DVC repository: {_last_words(done)}")


def _last_words(done: Finished) -> str:
    return "\n".join(line for line in done.lines[-5:] if line) or f"exit code {done.code}, and no word"
