"""What a benchmark ran on and with."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import psutil

PEERS = ("implicit", "lenskit", "lightgbm", "numpy", "rectools", "scipy", "torch")
OURS = ("implicit", "lightgbm", "numpy", "scipy")
_ASK = (
    "import json, sys; from importlib.metadata import version; print(json.dumps({n: version(n) for n in sys.argv[1:]}))"
)
_GIB = 2**30


def machine() -> str:
    load = ", ".join(f"{of:.1f}" for of in os.getloadavg())
    memory = psutil.virtual_memory().total / _GIB
    return (
        f"{os.cpu_count()} cores ({_processor()}), {memory:.0f} GiB of memory, {platform.system()};"
        f" load in the last 1, 5 and 15 minutes {load}"
    )


def versions(python: Path) -> Mapping[str, str]:
    """`peers` and `shoprec` to what each ran with; `python` is the peers' own."""
    asked = subprocess.run([python, "-c", _ASK, *PEERS], check=True, capture_output=True, text=True)
    return {
        "peers": _listed(json.loads(asked.stdout)),
        "shoprec": _listed({name: version(name) for name in OURS}),
    }


def _listed(found: Mapping[str, str]) -> str:
    return ", ".join([f"Python {platform.python_version()}", *(f"{name} {of}" for name, of in found.items())])


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or "unknown"
