"""This machine, and what is installed on it."""

import os
import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
from packaging.requirements import Requirement

from flows.doctor.findings import Finding, fail, ok, warn
from flows.doctor.places import why_not_writable
from flows.settings import QUIET, Settings
from tasks.registry.requirements import locked_requirements
from tasks.registry.texts import listed

WANTED = (3, 11)
"""Of Python: the one that requirements.lock was made for."""
CORES = 2
MEMORY_GIB, DISK_GIB = 2.5, 2.0
"""What the whole job takes on the full data of The Complete Journey, a little up: features and candidates together hold
2.1 GiB at their peaks; data, cache, remote and artifacts are 1.7 GiB. A smaller shop takes less."""
_FAR_TOO_LITTLE = 0.25
"""Of it: no shop gets by with that."""
_GIB = 2**30
_MEMORY_LIMIT = Path("/sys/fs/cgroup/memory.max")
"""Of a container, on Linux; `max` where there is none."""
_LONGEST_LIST = 12
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def python(_settings: Settings) -> list[Finding]:
    if sys.version_info[:2] == WANTED:
        return [ok("python", f"{platform.python_version()} at {sys.executable}")]
    wanted = ".".join(map(str, WANTED))
    return [
        fail(
            "python",
            f"{platform.python_version()}, and the lock was made for {wanted}",
            f"rm -rf .venv; make setup PYTHON=/path/to/python{wanted}",
        )
    ]


def packages(settings: Settings) -> list[Finding]:
    lock = settings.root / "requirements.lock"
    if not lock.is_file():
        return [fail("packages", f"{lock} does not exist", "restore it: git checkout requirements.lock")]
    wanted = list(locked_requirements(lock.read_text(encoding="utf-8")))
    differing = [told for need in wanted if (told := _difference(need))]
    if not differing:
        return [ok("packages", f"all {len(wanted)} of requirements.lock, in its versions")]
    return [
        fail("packages", listed(differing, longest=_LONGEST_LIST), "make setup; if it does nothing, rm -rf .venv first")
    ]


def _difference(need: Requirement) -> str | None:
    try:
        found = version(need.name)
    except PackageNotFoundError:
        return f"{need.name} is not installed, the lock has {need.specifier}"
    return None if need.specifier.contains(found, prereleases=True) else f"{need.name} {found}, not {need.specifier}"


def cores(_settings: Settings) -> list[Finding]:
    """Those that this process may use."""
    count = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    if count >= CORES:
        return [ok("cores", f"{count}; the job was measured on {CORES}")]
    return [warn("cores", f"{count}; the job was measured on {CORES}", "expect it to take twice as long")]


def memory(_settings: Settings) -> list[Finding]:
    told = "free, of what the system and a container's limit allow"
    mend = "set SHOPREC_PROCESSES=1, so that one stage and one fold is worked on at a time; end other programs"
    return [_enough("memory", min(psutil.virtual_memory().available, _limit_of_container()), MEMORY_GIB, told, mend)]


def _limit_of_container() -> float:
    told = _MEMORY_LIMIT.read_text(encoding="utf-8").strip() if _MEMORY_LIMIT.is_file() else ""
    return int(told) if told.isdigit() else float("inf")


def disk(settings: Settings) -> list[Finding]:
    free = shutil.disk_usage(settings.root).free
    mend = "free some; `dvc gc --workspace` takes out of DVC's cache what no version in the project needs"
    return [_enough("disk", free, DISK_GIB, f"free under {settings.root}", mend)]


def _enough(name: str, bytes_free: float, needed_gib: float, told: str, mend: str) -> Finding:
    gib = bytes_free / _GIB
    found = f"{gib:.1f} GiB {told}; the full data takes some {needed_gib:g}"
    if gib >= needed_gib:
        return ok(name, found)
    return fail(name, found, mend) if gib < needed_gib * _FAR_TOO_LITTLE else warn(name, found, mend)


def write_access(settings: Settings) -> list[Finding]:
    folders = [settings.var, settings.root / "data", settings.reports, settings.root / "models"]
    refused = [why for folder in folders if (why := why_not_writable(folder))]
    if refused:
        mend = "give this user the right to write there; a file that stands in the place of a folder has to go"
        return [fail("write access", "; ".join(dict.fromkeys(refused)), mend)]
    return [ok("write access", ", ".join(f"{folder.name}/" for folder in folders))]


def telemetry(_settings: Settings) -> list[Finding]:
    """Of all packages of ours that have one: each by the variable that it reads."""
    on = [f"{name}={os.environ.get(name, '')}" for name, off in QUIET.items() if not _is_off(name, off)]
    if on:
        return [warn("telemetry", "may be on: " + ", ".join(on), "unset these variables: shoprec turns it off then")]
    return [ok("telemetry", f"off: {', '.join(QUIET)}")]


def _is_off(name: str, off: str) -> bool:
    return os.environ.get(name, "").strip().lower() in (_TRUE if off == "true" else _FALSE)
