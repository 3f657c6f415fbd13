"""Fetch: from the shop's source to data/raw. A program of its own, so that its memory is given back when it is done."""

import sys
from datetime import UTC, datetime
from pathlib import Path

from tasks.ingestion.landing import as_of_instant, land_written
from tasks.ingestion.sources import writer
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
    as_of = as_of_instant(params.source, datetime.now(UTC))
    write = writer(params.source, params.shop, Path.cwd(), given.raw, as_of)
    changed, written = land_written(write, given.profile, given.raw, as_of, params.source.adapter)
    rows = ", ".join(f"{count:,} {name}" for name, count in written.rows.items())
    sys.stdout.write(f"{rows} from {params.source.adapter}{written.told}: {'new data' if changed else 'nothing new'}\n")


if __name__ == "__main__":
    run_stage(main)
