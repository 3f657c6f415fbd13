"""How time and memory of every step of the job grow with the shop, on made-up shops; writes docs/growth.md.

    python -m tests.benchmarks.growth --events 1500000 5000000 --out docs/growth.md

A larger shop has more shoppers over the same year (see `tests.benchmarks.made_up.shop`). Every step runs by its own
command line in a process of its own. What is finished is kept, so a run that was stopped goes on.
"""

import argparse
from datetime import UTC, datetime
from pathlib import Path

import psutil
from rich.console import Console

from tests.benchmarks.growth.measured import measured
from tests.benchmarks.growth.page import Benchmark, write_page
from tests.benchmarks.peers.machine import machine
from tests.benchmarks.peers.tried import code_digest

_MIB = 2**20


def main() -> None:
    given = _parse()
    console = Console(highlight=False)
    code, kept = Path.cwd(), given.cache.resolve() / code_digest(Path("params.yaml"))
    sizes = [
        measured(code, kept / str(events), events, given.most_gib, console.print) for events in sorted({*given.events})
    ]
    memory = psutil.virtual_memory().total / _MIB
    found = Benchmark(datetime.now(UTC).date(), machine(), memory, sorted(sizes, key=lambda size: size.events))
    if len(sizes) > 1:
        write_page(found, given.out)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.growth", description=__doc__)
    parser.add_argument("--events", type=int, nargs="+", default=[1_500_000, 5_000_000, 15_000_000], metavar="N")
    parser.add_argument(
        "--most-gib", type=float, default=_free_gib(), help="a step that holds more is ended; default: what is free now"
    )
    parser.add_argument("--cache", type=Path, default=Path("var/bench-growth"), help="where finished steps are kept")
    parser.add_argument("--out", type=Path, default=Path("docs/growth.md"), help="page whose part is written anew")
    return parser.parse_args()


def _free_gib() -> float:
    return 0.9 * psutil.virtual_memory().available / 2**30


if __name__ == "__main__":
    main()
