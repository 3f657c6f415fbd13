"""Exponents of growth, where a step ends, and what counts as a regression."""

import sys
from datetime import date
from pathlib import Path
from subprocess import CalledProcessError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.benchmarks.growth.exponent import LINEAR, Growth
from tests.benchmarks.growth.measured import Measured, forget
from tests.benchmarks.growth.page import CHART, Benchmark, in_words, write_page
from tests.benchmarks.measured import BEGIN, END
from tests.benchmarks.peers.process import Took
from tests.benchmarks.quick import regressions
from tests.benchmarks.ratios import Ratio, is_dearer, is_worse, ratio
from tests.benchmarks.stages import FETCH, TooMuchMemoryError, run_step, steps
from tests.shop import PROJECT

SIZES = (1_000, 10_000, 100_000)


@given(st.floats(0.1, 3), st.floats(1e-6, 1e6))
def test_the_exponent_of_a_power_is_found(exponent: float, constant: float) -> None:
    growth = Growth.of(SIZES, [constant * n**exponent for n in SIZES])
    assert (growth.fitted, growth.last) == pytest.approx((exponent, exponent))
    assert growth.at(growth.reaches(7 * growth.cost)) == pytest.approx(7 * growth.cost)


def test_a_start_of_its_own_does_not_make_a_larger_shop_cheap() -> None:
    """300 MiB at any size and 100 for a thousand events: the exponent of the last step is far below 1."""
    growth = Growth.of((1_000, 2_000, 4_000), (400, 500, 700))
    assert growth.exponent < 0.5
    assert growth.at(100_000) == pytest.approx(10_300)
    assert growth.reaches(10_300) == pytest.approx(100_000)


def test_the_order_of_sizes_does_not_matter() -> None:
    costs = [n**1.5 for n in SIZES]
    assert Growth.of(SIZES[::-1], costs[::-1]) == Growth.of(SIZES, costs)


def test_what_is_spent_at_any_size_hides_no_growth() -> None:
    """Ten seconds of start beside a square: the fit alone would call it linear."""
    growth = Growth.of(SIZES, [10 + (n / 3_000) ** 2 for n in SIZES])
    assert growth.fitted < LINEAR < growth.last == growth.exponent < 2
    assert not growth.is_linear


@pytest.mark.parametrize(
    ("sizes", "costs"), [((1000,), (1.0,)), ((1000, 1000), (1.0, 2.0)), ((1000, 2000), (0.0, 1.0))]
)
def test_nothing_is_made_of_too_few_numbers(sizes: tuple[int, ...], costs: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="sizes|above 0"):
        Growth.of(sizes, costs)


def benchmark() -> Benchmark:
    """`validate` is linear, `candidates` a square that did not end at the last size."""
    of_size = {n: {"validate": Took(n / 100, n / 100, n / 1000)} for n in SIZES}
    for n in SIZES[:2]:
        of_size[n]["candidates"] = Took(n**2 / 1e5, n**2 / 1e5, n**2 / 1e6)
    stopped = {SIZES[-1]: "candidates"}
    sizes = [Measured(n, costs, stopped.get(n)) for n, costs in of_size.items()]
    return Benchmark(date(2026, 11, 26), "two cores", 1024.0, sizes)


def test_the_page_says_which_step_ends_it_and_where() -> None:
    """A square from 100 MiB at 10,000 events fills 1,024 MiB at 32,000."""
    found = benchmark()
    assert found.memory["candidates"].reaches(1024) == pytest.approx(32_000)
    told = in_words(found)
    assert "Memory first: **candidates** fills this machine's 1 GiB" in told
    assert "exponent at most 1.05 in validate; above it in candidates (2.00)" in told
    assert "At 100,000 events the step candidates was ended" in told
    assert "| candidates | 10.0 | 1,000.0 | – | **2.00** | **2.00** |" in told


def test_what_a_person_wrote_on_the_page_stays(tmp_path: Path) -> None:
    page = tmp_path / "growth.md"
    page.write_text(f"before\n{BEGIN}\nof last year\n{END}\nafter\n", encoding="utf-8")
    write_page(benchmark(), page)
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{BEGIN}\n- Measured on 26 November 2026. Machine: two cores.")
    assert text.endswith(f"{END}\nafter\n")
    assert "of last year" not in text
    assert (tmp_path / CHART).stat().st_size > 0


def test_steps_are_those_of_a_retrain_in_their_order() -> None:
    commands = steps(PROJECT)
    assert list(commands) == [FETCH, "validate", "features", "candidates", "rerank", "evaluate"]
    assert all(command[1] == "-m" for command in commands.values())


CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])"
BUSY = "import time\nkept = b'x' * (120 << 20)\nwhile time.process_time() < 1: pass"


def test_what_children_take_counts(tmp_path: Path) -> None:
    took = run_step([sys.executable, "-c", CHILD.format(code=BUSY)], tmp_path, PROJECT, tmp_path / "log")
    assert took.cpu_s >= 1
    assert took.peak_mib > 120


def test_what_a_killed_step_left_is_not_there_when_it_is_measured(tmp_path: Path) -> None:
    for name in ("data/features", "data/candidates/train-1"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "metrics.json").touch()
    forget(tmp_path, ["data/candidates", "metrics.json", "never made"])
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == ["data", "data/features"]


def test_a_step_that_holds_too_much_is_ended(tmp_path: Path) -> None:
    with pytest.raises(TooMuchMemoryError):
        run_step([sys.executable, "-c", CHILD.format(code=BUSY)], tmp_path, PROJECT, tmp_path / "log", most_mib=60)


def test_a_step_that_fails_says_so(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CalledProcessError):
        run_step([sys.executable, "-c", "raise SystemExit('no such table')"], tmp_path, PROJECT, tmp_path / "log")
    assert "no such table" in capfd.readouterr().err


def test_a_ratio_is_that_of_the_turns() -> None:
    """The second turn met a machine of half the speed: both sides were slower."""
    assert ratio([10, 22, 10], [10, 20, 10]) == Ratio(1.0, 1.0, 1.1)


@pytest.mark.parametrize(
    ("ours", "dearer"),
    [
        ([12.0, 12.5, 13.0], True),
        ([12.0, 12.5, 10.5], False),  # one turn was as before: chance may have made the others
        ([10.9, 10.9, 10.9], False),  # within what is tolerated
        ([8.0, 8.0, 8.0], False),
    ],
)
def test_a_step_is_dearer_where_every_turn_says_so(ours: list[float], dearer: bool) -> None:
    assert is_dearer(ours, [10.0, 10.0, 10.0], "processors") == dearer


def test_a_share_of_hardly_anything_is_no_regression() -> None:
    assert not is_dearer([0.3, 0.3], [0.1, 0.1], "processors")


def test_quality_is_worse_where_the_whole_interval_is() -> None:
    assert is_worse(Ratio(0.95, 0.92, 0.98))
    assert not is_worse(Ratio(0.95, 0.85, 1.05))
    assert not is_worse(Ratio(1.0, 1.0, 1.0))


def test_a_regression_is_named_by_step_and_measure() -> None:
    turns = {"ours": [{"rerank": Took(10, 20, 100)}] * 3, "theirs": [{"rerank": Took(10, 10, 100)}] * 3}
    fine, bad = Ratio(1.0, 0.9, 1.1), Ratio(0.9, 0.85, 0.95)
    assert regressions(turns, {"all": fine, "new": fine}) == ["rerank takes 2.00 (2.00 to 2.00) times the processors"]
    quiet = {side: of[:1] for side, of in turns.items()} | {"ours": turns["theirs"]}
    told = regressions(quiet | {"theirs": turns["theirs"]}, {"all": bad, "new": fine})
    assert told == ["NDCG@10 on all purchases is 0.90 (0.85 to 0.95) of what it was"]
