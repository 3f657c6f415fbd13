"""What a test or a fixture does to the environment of this process is nothing to the next test."""

import os

import pytest

from tests.conftest import SERVERS


@pytest.fixture(scope="session")
def careless() -> str:
    """As MLflow is, when a model is logged."""
    os.environ["SHOPREC_LEFT_BY_FIXTURE"] = "x"
    return os.environ["SHOPREC_LEFT_BY_FIXTURE"]


@pytest.mark.parametrize("name", ["first", "second"])
def test_a_variable_that_a_test_set_or_took_away_is_as_it_was_for_the_next(name: str) -> None:
    assert "SHOPREC_LEFT_BEHIND" not in os.environ
    assert "PATH" in os.environ
    os.environ["SHOPREC_LEFT_BEHIND"] = name
    del os.environ["PATH"]


def test_what_a_fixture_of_a_wider_scope_set_is_not_left(careless: str) -> None:
    assert careless == "x"
    assert "SHOPREC_LEFT_BY_FIXTURE" not in os.environ


def test_no_test_knows_the_servers_of_who_runs_it() -> None:
    assert not set(SERVERS) & set(os.environ)
