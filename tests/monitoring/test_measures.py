"""Distances and bounds with known answers."""

import numpy as np
import pytest

from tasks.monitoring.band import Distance, bound_of, judge
from tasks.monitoring.measures import largest_moves, mix_distance, shape_distance
from tasks.params.monitoring import MonitoringParams

PARAMS = MonitoringParams()


def counts(*values: float) -> np.ndarray:
    return np.array(values, np.float64)


def distance(found: Distance | None) -> float:
    assert found is not None
    return found.value


def test_the_same_mix_is_at_distance_0_and_one_with_nothing_in_common_at_1() -> None:
    assert distance(mix_distance(counts(10, 30), counts(100, 300))) == pytest.approx(0, abs=1e-7)
    assert distance(mix_distance(counts(10, 0), counts(0, 10))) == pytest.approx(1)


def test_the_distance_of_mixes_is_the_root_of_jensens_and_shannons_divergence() -> None:
    """Of (1, 0) and (1/2, 1/2): H(3/4, 1/4) - (0 + 1) / 2, in bits."""
    entropy = -0.75 * np.log2(0.75) - 0.25 * np.log2(0.25)
    assert distance(mix_distance(counts(10, 0), counts(50, 50))) == pytest.approx(np.sqrt(entropy - 0.5))


def test_nothing_has_no_mix() -> None:
    assert mix_distance(counts(0, 0), counts(1, 2)) is None


def test_the_distance_of_shapes_is_the_largest_gap_of_their_distributions() -> None:
    """Three of four of the one lie below all of the other."""
    found = shape_distance(np.array([1.0, 2, 3, 9, np.nan]), np.array([5.0, 6, 7, 8]))
    assert distance(found) == pytest.approx(0.75)


def test_the_largest_moves_come_first() -> None:
    assert (
        largest_moves(counts(50, 30, 20), counts(20, 30, 50), ("a", "b", "c")) == "a 20.0% to 50.0%, c 50.0% to 20.0%"
    )


def test_a_bound_is_above_all_of_the_past_its_spread_and_the_floor() -> None:
    past = [0.10, 0.11, 0.12, 0.13, 0.14, 0.15, 0.16]
    spread = 0.02 / 0.6744897501960817
    assert bound_of(past, 0.05, PARAMS) == pytest.approx(0.13 + 4 * spread)
    assert bound_of([*past, 0.9], 0.05, PARAMS) == pytest.approx(0.9)
    assert bound_of(past, 0.5, PARAMS) == pytest.approx(0.5)
    assert bound_of(past[:5], 0.05, PARAMS) is None


def test_at_the_bound_is_no_breach() -> None:
    past = [0.1] * 6
    assert judge("m", "data", Distance(0.1), past, 0.05, PARAMS).status == "within"
    assert judge("m", "data", Distance(0.11), past, 0.05, PARAMS).status == "breach"
    assert judge("m", "data", Distance(0.11, p_value=0.01), past, 0.05, PARAMS).status == "within"
