"""Time and memory of a publication: a champion's state of N users and M items, made up, to Parquet and a database.

    python -m tests.benchmarks.publish --users 20000 --items 100000 --like .

Ranker, columns of the items and groups of features are those of a project where the stages ran (`--like .`), or else
of the small shop of the tests, which has fewer of each. The state is made up as large as a real one whose every item is
proposed to everybody: 50 to 1,000 events a user, few items that sell much and many that sell little, all retrievers,
200 neighbours a user and 100 an item, 64 factors, and a row of features for all that a user has. What is timed is the
code of a publication, from the champion's own process to the switch in the database.
"""

import argparse
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse as sp
from rich.console import Console
from rich.table import Table

from flows.publication.lists import check_all, make_lists
from flows.publication.plan import Plan
from tasks.candidates.als import Als
from tasks.candidates.neighbours import Neighbours
from tasks.candidates.newcomers import Newcomers
from tasks.candidates.own_history import OwnHistory
from tasks.candidates.popularity import Popularity
from tasks.candidates.store import save_retrieval
from tasks.candidates.union import Retrieval
from tasks.params import load_params
from tasks.publication.about import About
from tasks.publication.database import PublicationDatabase
from tasks.publication.folder import PublicationFolder
from tasks.schema import ITEM, USER
from tests.shop import bought_in_sections, furnish, learn, with_integer_ids

PROJECT = Path(__file__).parents[2]
SERVED = Path("data") / "features" / "serve"
AS_OF = datetime(2024, 4, 1, tzinfo=UTC)
FEWEST, MOST = 50, 1000
"""Events a user."""
NEIGHBOURS, ALIKE, FACTORS = 100, 200, 64
_AT_ONCE = 10_000
_ROW_GROUP = 122_880
"""Of the stage `features`."""
QUICK = """
import argparse
from pathlib import Path
import numpy as np, pandas as pd, pyarrow as pa, pyarrow.parquet as pq

parser = argparse.ArgumentParser()
parser.add_argument("command")
for name in ("bundle", "users", "out"):
    parser.add_argument(f"--{name}", type=Path)
parser.add_argument("--k", type=int)
given, writer = parser.parse_args(), None
items = pd.read_parquet(given.bundle / "items.parquet")["item_id"].to_numpy()
users = pd.read_parquet(given.users)["user_id"].to_numpy()
ranks = np.arange(given.k)
for begin in range(0, len(users), 2500):
    some = users[begin : begin + 2500]
    frame = pd.DataFrame({"user_id": np.repeat(some, given.k), "rank": np.tile(ranks + 1, len(some))})
    frame["item_id"] = items[((some[:, None] * 7919 + ranks * 104729) % len(items)).ravel()]
    both = pa.Table.from_pandas(pd.concat([frame.assign(task=t) for t in ("all", "new")]), preserve_index=False)
    writer = writer or pq.ParquetWriter(given.out, both.schema)
    writer.write_table(both)
writer.close()
"""
"""In place of the champion's code: lists out of nothing, to time all but the model, at any number of users."""


def main() -> None:
    given = _parse()
    with tempfile.TemporaryDirectory(prefix="shoprec-bench-", dir=given.folder) as folder:
        root = Path(folder)
        begun = time.monotonic()
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:  # its memory is not the publication's
            if given.quick:
                apart.submit(make_quick, root, given.users, given.items).result()
            else:
                apart.submit(make, root, given.users, given.items, given.like).result()
        sys.stdout.write(f"made up in {time.monotonic() - begun:.0f} s\n")
        sys.stdout.flush()
        addresses = given.database or [f"sqlite:///{root / 'publications.db'}"]
        Console(width=100).print(_publish(root, given.users, given.quick, addresses))


def _publish(root: Path, users: int, quick: bool, addresses: list[str]) -> Table:
    table = Table("step", "seconds", "users a second", "peak MiB", title=f"{users:,} users")

    def timed(name: str, call: Callable[[], Any], peak: Callable[[Any], float] = lambda _: 0) -> Any:
        begun = time.monotonic()
        done = call()
        seconds, own = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        told = f"{own:,.0f}" + (f", champion's {peak(done):,.0f}" if peak(done) else "")
        table.add_row(name, f"{seconds:,.1f}", f"{users / seconds:,.0f}", told)
        return done

    plan = _plan(root, root / "code" if quick else PROJECT)
    lists = timed("lists of both tasks", lambda: make_lists(plan, _say), lambda found: found.peak_mib)
    timed("check", lambda: check_all(plan, lists))
    about = _about(plan, lists.folder, users)
    plan.into.settle(1)
    for address in addresses:
        database = PublicationDatabase(address)
        timed(database.name.partition(":")[0], lambda to=database: to.publish(about, plan.into.of(1), "bench", "bench"))
    return table


def _say(line: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stdout.flush()


def _plan(root: Path, code: Path) -> Plan:
    scratch = root / "scratch"
    scratch.mkdir()
    return Plan(
        number=1,
        version=1,
        as_of=AS_OF,
        fingerprint="",
        params=load_params(PROJECT / "params.yaml"),
        code=code,
        bundle=root / "bundle",
        events=root / "events.parquet",
        items=None,
        suite=PROJECT / "expectations" / "recommendations.json",
        user_ids="integer",
        scratch=scratch,
        into=PublicationFolder(root / "published"),
    )


def _about(plan: Plan, folder: Path, users: int) -> About:
    params = plan.params.publication
    made = About(1, 1, datetime.now(UTC), AS_OF, params.k, params.tasks, users, "integer", "integer", "", {})
    return made.written_to(folder)


def make(root: Path, users: int, items: int, project: Path | None) -> None:
    """`root/bundle` and `root/events.parquet`, with ranker and kinds of features of a project where the stages ran."""
    rng = np.random.default_rng(7)
    like = project or learn(furnish(root / "small", with_integer_ids(bought_in_sections())))
    bundle = root / "bundle"
    bundle.mkdir()
    shutil.copytree(like / "models" / "ranker", bundle / "ranker")
    params = load_params(PROJECT / "params.yaml")
    (bundle / "candidates.json").write_text(params.candidates.model_dump_json(), encoding="utf-8")
    known = pd.read_parquet(like / "data" / "valid" / "items.parquet")
    known = known[known[ITEM].isin(_with_features(like))]
    catalogue = known.iloc[rng.integers(0, len(known), items)].reset_index(drop=True).assign(**{ITEM: np.arange(items)})
    catalogue.to_parquet(bundle / "items.parquet", index=False)
    owned = _owned(rng, users, items)
    _make_retrieval(rng, owned, bundle / "retrieval")
    _make_events(owned, root / "events.parquet")
    (bundle / "features").mkdir()
    for file in sorted((like / SERVED).glob("*.parquet")):
        _make_group(rng, file, owned, catalogue, bundle / "features" / file.name)


def _with_features(like: Path) -> pd.Series:
    return pd.read_parquet(like / SERVED / "item.parquet", columns=[ITEM])[ITEM]


def make_quick(root: Path, users: int, items: int) -> None:
    """What a publication without a model needs."""
    (root / "bundle").mkdir()
    pd.DataFrame({ITEM: np.arange(items), "title": "article"}).to_parquet(root / "bundle" / "items.parquet")
    package = root / "code" / "tasks" / "recommender"
    package.mkdir(parents=True)
    for folder in (package.parent, package):
        (folder / "__init__.py").touch()
    (package / "__main__.py").write_text(QUICK, encoding="utf-8")
    _make_events(_owned(np.random.default_rng(7), users, items), root / "events.parquet")


def _owned(rng: np.random.Generator, users: int, items: int) -> sp.csr_matrix:
    """How often each user bought each item: by Zipf's law, the n-th of the universe 1 / n as often as the first."""
    each = np.exp(rng.uniform(np.log(FEWEST), np.log(MOST), users)).astype(np.int64)
    rows = np.repeat(np.arange(users, dtype=np.int32), each)
    bought = (np.exp(np.log(items + 1) * rng.random(len(rows), np.float32)) - 1).astype(np.int32).clip(0, items - 1)
    matrix = sp.csr_matrix((np.ones(len(rows), np.float32), (rows, bought)), shape=(users, items))
    matrix.sum_duplicates()
    return matrix


def _make_retrieval(rng: np.random.Generator, owned: sp.csr_matrix, folder: Path) -> None:
    users, items = _shape(owned)
    strength = owned.copy()
    strength.data *= rng.random(strength.nnz, np.float32)  # decayed
    of_users, of_items = ((rng.standard_normal((n, FACTORS)) / 8).astype(np.float32) for n in (users, items))
    retrievers = {
        "als": Als(of_users, of_items),
        "item_neighbours": Neighbours(strength, _random_rows(rng, items, NEIGHBOURS)),
        "user_neighbours": Neighbours(_random_rows(rng, users, ALIKE), strength),
        "own_history": OwnHistory(strength),
        "popularity": Popularity(np.sort(rng.random(items).astype(np.float32))[::-1].copy()),
    }
    newcomers = Newcomers.by_buyers(items, items)
    save_retrieval(Retrieval(np.arange(users), np.arange(items), items, owned, retrievers, newcomers), folder)


def _shape(matrix: sp.csr_matrix) -> tuple[int, int]:
    return cast(tuple[int, int], matrix.shape)


def _random_rows(rng: np.random.Generator, n: int, each: int) -> sp.csr_matrix:
    each = min(each, n)
    indices = rng.integers(0, n, n * each, dtype=np.int32)
    return sp.csr_matrix((rng.random(n * each, np.float32), indices, np.arange(n + 1, dtype=np.int64) * each), (n, n))


def _make_events(owned: sp.csr_matrix, path: Path) -> None:
    users = np.repeat(np.arange(_shape(owned)[0]), np.diff(owned.indptr))
    frame = pd.DataFrame({USER: users, ITEM: owned.indices.astype(np.int64), "event_type": "purchase"})
    ages = pd.to_timedelta(1 + np.arange(len(frame)) % 80, unit="D")
    frame.assign(timestamp=(pd.Timestamp(AS_OF) - ages).as_unit("us")).to_parquet(path, index=False)


def _make_group(
    rng: np.random.Generator, like: Path, owned: sp.csr_matrix, catalogue: pd.DataFrame, path: Path
) -> None:
    """A table with the columns of `like` for all keys of the shop; values are those of `like`, drawn at random."""
    table = pq.read_table(like)
    keys = [name for name in table.column_names if name in (USER, *catalogue.columns)]
    values = table.drop_columns(keys)
    if not {USER, ITEM} & set(keys):
        shutil.copy(like, path)
        return
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        for given in _keys(keys, owned, catalogue):
            drawn = values.take(pa.array(rng.integers(0, len(values), len(given))))
            columns = {name: pa.array(given[name]) if name in keys else drawn[name] for name in table.column_names}
            writer.write_table(pa.table(columns).cast(table.schema), row_group_size=_ROW_GROUP)


def _keys(keys: list[str], owned: sp.csr_matrix, catalogue: pd.DataFrame) -> Iterator[pd.DataFrame]:
    if USER not in keys:
        yield catalogue[keys]
        return
    for begin in range(0, _shape(owned)[0], _AT_ONCE):
        users = np.arange(begin, min(begin + _AT_ONCE, _shape(owned)[0]))
        part = owned[users]
        frame = pd.DataFrame({USER: np.repeat(users, np.diff(part.indptr)), ITEM: part.indices.astype(np.int64)})
        for name in {*keys} - {USER, ITEM}:
            frame[name] = catalogue[name].to_numpy()[part.indices]
        yield frame[keys].dropna().drop_duplicates().sort_values(keys)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.publish", description=__doc__)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--like", type=Path, metavar="PROJECT", help="whose ranker and features; it needs a whole run")
    parser.add_argument("--quick", action="store_true", help="without a model: all else, in minutes")
    parser.add_argument("--database", action="append", metavar="URL", help="else SQLite in a folder that is removed")
    parser.add_argument("--folder", type=Path, help="where to work; it takes some GiB")
    return parser.parse_args()


if __name__ == "__main__":
    main()
