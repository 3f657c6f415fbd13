"""Fetch: from the shop's source to data/raw. A program of its own, so that its memory is given back when it is done."""

import sys
from datetime import UTC, datetime
from pathlib import Path

from tasks.ingestion.landing import as_of_instant, land
from tasks.ingestion.sources import fetch
from tasks.params import load_params
from tasks.stage import paths, run_stage

PATHS = {
    "params": "params.yaml",
    "raw": "folder to replace, where the tables changed",
    "profile": "profile of the data that was last accepted",
}


def main() -> None:
    given = paths(__doc__, PATHS)
    params = load_params(given.params)
    tables = fetch(params.source, params.shop, Path.cwd())
    as_of = as_of_instant(params.source, datetime.now(UTC))
    changed = land(tables, given.profile, given.raw, as_of, params.source.adapter)
    rows = ", ".join(f"{len(frame):,} {name}" for name, frame in tables.items())
    sys.stdout.write(f"{rows} from {params.source.adapter}: {'new data' if changed else 'nothing new'}\n")


if __name__ == "__main__":
    run_stage(main)
