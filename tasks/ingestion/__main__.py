"""The DVC stage `validate`: raw data and suites to valid data, a quarantine, and the data quality page."""

import json
from pathlib import Path

from tasks.ingestion.landing import read_manifest
from tasks.ingestion.page import render_page
from tasks.ingestion.storage import read_tables, replace_file, replace_folder, write_table, write_tables
from tasks.ingestion.suites import load_suites
from tasks.ingestion.validation import Validation, validate
from tasks.params import load_params
from tasks.stage import paths, run_stage

PATHS = {
    "params": "params.yaml",
    "raw": "folder of raw tables and their manifest",
    "expectations": "folder of expectation suites",
    "valid": "folder to replace with the valid tables and their profile",
    "quarantine": "folder to replace with the rows taken out",
    "reports": "folder to put data_quality.html and .json into",
}


def main() -> None:
    given = paths(__doc__, PATHS)
    params = load_params(given.params)
    raw, manifest = read_tables(given.raw), read_manifest(given.raw)
    done = validate(raw, manifest, load_suites(given.expectations), params.shop, params.clean)
    error = done.quality.error()
    _report(done, given.reports, "data_quality.failed" if error else "data_quality")
    if error:
        raise type(error)(f"{error}\nsee {given.reports / 'data_quality.failed.html'}")
    _write(done, given.valid, given.quarantine)
    for ending in ("html", "json"):
        (given.reports / f"data_quality.failed.{ending}").unlink(missing_ok=True)


def _write(done: Validation, valid: Path, quarantine: Path) -> None:
    def fill(folder: Path) -> None:
        write_tables(done.tables, folder)
        profile = json.dumps(done.quality.profile, indent=2, sort_keys=True)
        (folder / "profile.json").write_text(profile + "\n", encoding="utf-8")

    def fill_quarantine(folder: Path) -> None:
        for name, rows in done.quarantine.items():
            write_table(rows, folder / f"{name}.parquet")

    replace_folder(quarantine, fill_quarantine)
    replace_folder(valid, fill)


def _report(done: Validation, reports: Path, name: str) -> None:
    facts = json.dumps(done.quality.as_dict(), indent=2, default=str)
    replace_file(reports / f"{name}.json", (facts + "\n").encode())
    replace_file(reports / f"{name}.html", render_page(done.quality).encode())


if __name__ == "__main__":
    run_stage(main)
