"""Weeks in minutes: deployments driven through weeks of The Complete Journey, up to the ledger a person would expect.

Data arrives week by week and says so by an event. One week's data is bad, one week's model is worse, one week a person
says no; then a better one comes and serves.
"""

from collections.abc import Iterator

import pytest
from mlflow import MlflowClient

from flows.events import DATA_UPDATED
from tasks.registry.ledger import Ledger
from tasks.registry.standing import made
from tests.flows.journey import Journey, journey
from tests.flows.unattended import Inbox, Unattended, unattended, until, with_deployments

WEAK = {"own_history": {"enabled": False}}
"""Who does not know what a shopper bought before is beaten by far."""
BLIND = {name: {"enabled": False} for name in ("als", "item_neighbours", "user_neighbours", "own_history")}
BETTER = {name: {"enabled": True} for name in BLIND}


class Story:
    def __init__(self, shop: Unattended, data: Journey) -> None:
        self.shop, self.data, self.week, self.retrains = shop, data, -1, 0

    def week_ends(self, bad: bool = False, again: bool = False) -> dict[str, str]:
        """The next week's data arrives; the retrain that it starts."""
        self.week += not again
        self.data.delivers(self.week, bad)
        self.shop.happens(DATA_UPDATED, week=self.week)
        done = self.shop.newest("retrain", after=self.retrains, seconds=600)
        self.retrains += 1
        return done

    def stages(self) -> list[tuple[int, str]]:
        """All changes so far."""
        ledger = Ledger(f"sqlite:///{self.shop.root / 'var' / 'ledger.db'}")
        return [(entry.change.version, entry.change.to_stage) for entry in made(ledger.entries())]


@pytest.fixture(scope="module")
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, inbox: Inbox) -> Iterator[Story]:
    data = journey(tmp_path_factory.mktemp("weeks") / "shop")
    data.change(candidates=WEAK)
    with unattended(with_deployments(data.root), SHOPREC_ALERTS_URL=inbox.address) as shop:
        yield Story(shop, data)


def test_the_first_week_has_a_champion_and_its_lists_are_published(story: Story) -> None:
    assert story.week_ends()["state_name"] == "Completed"
    assert story.stages() == [(1, "production")]
    assert story.shop.newest("recommend", after=0)["state_name"] == "Completed"


def test_bad_data_stops_the_second_week_and_changes_nothing(story: Story, inbox: Inbox) -> None:
    assert story.week_ends(bad=True)["state_name"] == "Failed"
    inbox.gets("retrain", "Failed", "quantity")
    assert story.stages() == [(1, "production")]


def test_a_model_that_is_worse_is_rejected_once_the_data_is_mended(story: Story) -> None:
    story.data.change(candidates=BLIND)
    assert story.week_ends(again=True)["state_name"] == "Completed"
    assert story.stages() == [(1, "production"), (2, "rejected")]


def test_a_better_one_waits_where_a_person_decides_and_is_rejected_by_that_person(story: Story) -> None:
    story.data.change(candidates=BETTER, promotion={"mode": "review"})
    assert story.week_ends()["state_name"] == "Completed"
    assert story.stages()[2:] == [(3, "staging")]
    client = MlflowClient(f"http://127.0.0.1:{story.shop.env['MLFLOW_PORT']}")
    for tag, value in {"review_note": "not before the holidays", "reviewer": "ada", "review": "rejected"}.items():
        client.set_model_version_tag("shoprec", "3", tag, value)
    assert story.shop.ended(story.shop.start("review/review"))["state_name"] == "Completed"
    assert story.stages()[3:] == [(3, "rejected")]


def test_the_next_better_one_serves_and_its_lists_are_published(story: Story) -> None:
    story.data.change(promotion={"mode": "auto"})
    published = len(story.shop.runs("recommend"))
    assert story.week_ends()["state_name"] == "Completed"
    assert story.shop.newest("recommend", after=published)["state_name"] == "Completed"


def test_the_ledger_is_the_one_that_a_person_would_expect(story: Story) -> None:
    until(lambda: len(story.stages()) >= 5, "the last change is in the ledger", 10)
    assert story.stages() == [
        (1, "production"),
        (2, "rejected"),
        (3, "staging"),
        (3, "rejected"),
        (4, "production"),
    ]
    told = story.shop.shoprec("history")
    assert "version 4 is in production" in told
    assert "ada" in told
    assert "not before the holidays" in told


def test_what_serves_after_these_weeks_is_what_was_made(story: Story) -> None:
    story.shop.shoprec("verify")
