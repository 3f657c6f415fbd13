"""The table and the chart of what each recommender gives, and what it takes; and the page that they are in."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from tasks.schema import Task
from tests.benchmarks.measured import BEGIN, END
from tests.benchmarks.peers.charts import draw_costs
from tests.benchmarks.peers.overview import Standing, table, undominated
from tests.benchmarks.peers.page import Benchmark, Entrant, standings, write_page
from tests.benchmarks.peers.process import Cost
from tests.benchmarks.peers.scored import BEYOND, METRICS

OURS = Standing("shoprec", True, {"all": 0.3, "new": 0.03}, {"all": "–", "new": "–"}, 500.0, 982.0)
REPEATS = Standing("repeats", False, {"all": 0.25}, {"all": "+0.0500 (+0.0400 to +0.0600)"}, 0.2, 239.0)
DEAR = Standing("dear", False, {"all": 0.2, "new": 0.02}, {"all": "+0.1", "new": "+0.01"}, 1_234.5, 1_455.0)
CHEAP = Standing("cheap", False, {"all": 0.1, "new": 0.01}, {"all": "+0.2", "new": "+0.02"}, 0.8, 249.0)
ALL = [OURS, REPEATS, DEAR, CHEAP]


def test_only_those_stay_that_no_cheaper_one_is_as_good_as() -> None:
    assert undominated(ALL, "all") == [REPEATS, OURS]
    assert undominated(ALL, "new") == [CHEAP, OURS], "who does not serve a task is not compared on it"
    assert undominated([OURS, Standing("twin", False, OURS.quality, {}, OURS.seconds + 1, 1.0)], "all") == [OURS]


def test_the_table_has_a_row_each_and_dashes_where_a_task_is_not_served() -> None:
    ours, repeats, dear, _ = table(ALL).splitlines()[2:]
    assert ours == "| **shoprec** | 0.3000 | – | 0.0300 | – | 500.0 | 982 |"
    assert repeats == "| repeats | 0.2500 | +0.0500 (+0.0400 to +0.0600) | – | – | 0.2 | 239 |"
    assert dear.endswith("| 1,234.5 | 1,455 |")


def test_the_chart_is_the_same_every_time(tmp_path: Path) -> None:
    draw_costs(ALL, tmp_path / "one.svg")
    draw_costs(ALL, tmp_path / "two.svg")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def entrant(name: str, quality: dict[Task, float], seconds: float, tried: int | None) -> Entrant:
    """Two weeks of four shoppers, all as well served."""
    columns = [*METRICS, *BEYOND]
    values: dict[Task, list[pd.DataFrame]] = {
        task: [pd.DataFrame(np.full((4, 6), value), columns=columns)] * 2 for task, value in quality.items()
    }
    return Entrant(
        name, values, [Cost(seconds, seconds, 1.0, 1.0, 300.0), Cost(seconds + 2, seconds + 2, 1, 1, 500)], tried
    )


def test_the_page_of_a_benchmark_has_everybody_with_their_costs(tmp_path: Path) -> None:
    entrants = [entrant("shoprec", {"all": 0.3, "new": 0.03}, 100, None), entrant("peer", {"all": 0.25}, 10, 2)]
    weeks = [date(2017, 12, 25), date(2017, 12, 18)]
    found = Benchmark(weeks[0], "a machine", {"peers": "p", "shoprec": "s"}, weeks, weeks[1], entrants, 50, 1)
    ours, theirs = standings(found)
    assert [ours.seconds, theirs.seconds] == [102, 12], "medians of the weeks"
    assert theirs.lead == {"all": "+0.0500 (+0.0500 to +0.0500)"}
    page = tmp_path / "benchmarks.md"
    page.write_text(f"Before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    write_page(found, page)
    said = page.read_text(encoding="utf-8")
    assert table([ours, theirs]) in said
    assert said.startswith("Before\n")
    assert said.endswith("\nafter\n")
    pictures = [part.split(")")[0] for part in said.split("](")[1:]]
    assert pictures
    assert all((tmp_path / picture).exists() for picture in pictures)
