"""Feature tables of all folds, on DuckDB."""

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import duckdb
import ibis
import ibis.expr.types as ir
from ibis.backends.duckdb import Backend

from tasks.errors import ShoprecError
from tasks.features.group import Group, Past
from tasks.features.groups import groups
from tasks.features.relations import Source, groupings, purchase_lines, visits_of, without_zone
from tasks.folds import Fold
from tasks.ingestion.valid import Valid
from tasks.params.ranker import FeatureParams
from tasks.params.shop import ShopParams
from tasks.stage import processes

_VISITS = "visits-"


def compute_features(valid: Valid, folds: Sequence[Fold], params: FeatureParams, shop: ShopParams, out: Path) -> None:
    """Writes `out/<fold>/<group>.parquet` for every fold and group, rows sorted by the group's keys.

    Each fold has an engine of its own with one thread: an engine's threads add floats up in an order of their own, and
    then no two runs would be equal.
    """
    scratch = out.with_name(f".{out.name}.scratch")
    shutil.rmtree(scratch, ignore_errors=True)  # of a run that was killed
    scratch.mkdir(parents=True)
    try:
        tables = _prepare(valid, shop, scratch)
        with ThreadPoolExecutor(processes()) as pool:
            list(pool.map(lambda fold: _compute_fold(tables, fold, params, out / fold.name), folds))
    except duckdb.IOException as error:
        raise ShoprecError(
            f"the feature tables could not be written to {out}: {error}; mend it and run again"
        ) from error
    finally:
        shutil.rmtree(scratch)


def open_source(connection: Backend, tables: Path) -> Source:
    promotions = tables / "promotions.parquet"
    return Source(
        lines=connection.read_parquet(tables / "lines.parquet"),
        visits={
            path.stem.removeprefix(_VISITS): connection.read_parquet(path)
            for path in sorted(tables.glob(f"{_VISITS}*.parquet"))
        },
        promotions=connection.read_parquet(promotions) if promotions.exists() else None,
    )


def engine() -> Backend:
    """An embedded engine whose results are the same every time."""
    return ibis.duckdb.connect(threads=1, preserve_insertion_order=True, autoinstall_known_extensions=False)


def write_group(connection: Backend, past: Past, group: Group, out: Path) -> None:
    table: ir.Table = group.compute(past).order_by(list(group.keys))
    connection.to_parquet(table, out / f"{group.name}.parquet", compression="zstd")


def _prepare(valid: Valid, shop: ShopParams, folder: Path) -> Path:
    """Lines, items and promotions, made once for all folds."""
    promotions = valid.promotions
    valid.items.to_parquet(folder / "items.parquet", index=False)
    without_zone(valid.events, shop).to_parquet(folder / "hits.parquet", index=False)
    if promotions is not None and not promotions.empty:
        ends = {c: promotions[c].dt.tz_convert("UTC").dt.tz_localize(None) for c in ("start", "end")}
        promotions.assign(**ends).to_parquet(folder / "promotions.parquet", index=False)
    connection = engine()
    lines = purchase_lines(
        connection.read_parquet(folder / "hits.parquet"), connection.read_parquet(folder / "items.parquet")
    )
    connection.to_parquet(lines, folder / "lines.parquet")
    lines = connection.read_parquet(folder / "lines.parquet")
    for column in groupings(lines.columns):
        connection.to_parquet(visits_of(lines, column), folder / f"{_VISITS}{column}.parquet")
    return folder


def _with_stored_pairs(past: Past, connection: Backend, path: Path) -> Past:
    """Several groups read the pairs: made once, not once a group."""
    connection.to_parquet(past.pairs, path)
    return replace(past, pairs=connection.read_parquet(path))


def _compute_fold(tables: Path, fold: Fold, params: FeatureParams, out: Path) -> None:
    shutil.rmtree(out, ignore_errors=True)  # every table that lies there is read later
    out.mkdir(parents=True)
    connection = engine()
    source = open_source(connection, tables)
    past = _with_stored_pairs(Past.of(source, fold), connection, tables / f"{fold.name}-pairs.parquet")
    for group in groups(params, source):
        write_group(connection, past, group, out)
