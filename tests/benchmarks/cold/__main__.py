"""What shoppers and items get of whom little is known, against popularity, on the last weeks of a finished run.

    python -m tests.benchmarks.cold --weeks 8 --out docs/cold-start.md

In each week every shopper loses their history but for a few events once, and lists are made as the product makes them
for newcomers. The ranker is asked beside them on the newest week only: that takes a whole state for each number.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from rich.console import Console

from tasks.ingestion.valid import Valid
from tasks.params import Params, load_params
from tasks.stage import run_stage
from tests.benchmarks.cold.items import ColdItems, hidden_tenth, never_sold
from tests.benchmarks.cold.page import Found, Group, write_page
from tests.benchmarks.cold.shoppers import cold_parts, lists_of_newcomers, measured, ranked, with_attributes
from tests.benchmarks.finished_run import add_finished_run, tested_recommender
from tests.benchmarks.peers.weeks import Weeks

KNOWN = (0, 1, 2, 3)
SEED = 7


def main() -> None:
    given = _parse()
    console = Console(highlight=False)
    params = load_params(given.params)
    weeks = Weeks(Valid.read(given.valid), params, given.skip + given.weeks)
    backs = range(given.skip, given.skip + given.weeks)
    shoppers = _shoppers(given, weeks, backs, params, console.print)
    beside: dict[Group, list[pd.DataFrame]] = {}
    for known in given.ranked:
        cold = next(cold_parts(weeks, given.skip, given.parts, SEED, [known]))
        beside |= {(known, task): [values] for task, values in ranked(cold, given.ranker).items()}
        console.print(f"{known} events: the ranker's lists")
    items: dict[str, Callable[[int], ColdItems]] = {
        "the catalogue's, none ever sold": lambda back: never_sold(weeks, back),
        "a tenth of the universe, its sales hidden": lambda back: hidden_tenth(weeks, back, SEED),
    }
    found = Found(
        day=datetime.now(UTC).date(),
        first=weeks.test(backs[-1]).cutoff.date(),
        last=weeks.test(backs[0]).cutoff.date(),
        weeks=given.weeks,
        parts=given.parts,
        shoppers=shoppers,
        with_attributes=with_attributes(weeks.valid.users),
        ranked=beside,
        items={name: [of(back).values() for back in backs] for name, of in items.items()},
        draws=params.evaluation.draws,
        seed=params.evaluation.seed,
    )
    write_page(found, given.out)


def _shoppers(
    given: argparse.Namespace, weeks: Weeks, backs: range, params: Params, say: Callable[[str], None]
) -> dict[Group, list[pd.DataFrame]]:
    """A table a week, in the order of `backs`."""
    recommender = tested_recommender(given, weeks.valid.items, params)
    found: dict[Group, list[pd.DataFrame]] = defaultdict(list)
    for back in backs:
        of_week: dict[Group, list[pd.DataFrame]] = defaultdict(list)
        for cold in cold_parts(weeks, back, given.parts, SEED, KNOWN):
            for task, values in measured(cold, lists_of_newcomers(cold, recommender)).items():
                of_week[cold.known, task].append(values)
        for group, parts_of_week in of_week.items():
            found[group].append(pd.concat(parts_of_week))
        say(f"week of {weeks.test(back).cutoff:%-d %B %Y}: shoppers with {KNOWN[0]} to {KNOWN[-1]} events")
    return dict(found)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.cold", description=__doc__)
    add_finished_run(parser)
    parser.add_argument("--weeks", type=int, default=8, help="how many of the last weeks")
    parser.add_argument("--skip", type=int, default=0, help="so many of the newest, such as those tested elsewhere")
    parser.add_argument("--parts", type=int, default=2, help="of a week's shoppers, each cold while others are known")
    parser.add_argument(
        "--ranked", type=int, nargs="*", default=[3, 10, 30], help="events known where the ranker is asked"
    )
    parser.add_argument("--out", type=Path, default=Path("docs/cold-start.md"), help="page whose part is written anew")
    return parser.parse_args()


if __name__ == "__main__":
    run_stage(main)
