"""Weeks in minutes: deployments driven through weeks of The Complete Journey, up to the ledger a person would expect.

Data arrives week by week and says so by an event. One week's data is bad, one week's model is worse, one week a person
says no; then the next one is approved, and serves.
"""

from collections.abc import Iterator

import pytest
from mlflow import MlflowClient

from flows.events import DATA_UPDATED
from tasks.registry.entries import Entry
from tasks.registry.ledger import Ledger
from tasks.registry.standing import made
from tests.flows.journey import Journey, journey
from tests.flows.unattended import Inbox, Unattended, unattended, with_deployments

RETRIEVERS = {"als": 30, "item_neighbours": 30, "user_neighbours": 50, "popularity": 20}
"""With the depths of their lists for all purchases. None of them knows what a shopper bought before: among so few
households nothing is shown to beat own history, so nothing would serve."""
SHALLOW = {name: {"depth_all": 3} for name in RETRIEVERS} | {"own_history": {"enabled": False}}
BLIND = {name: {"enabled": name == "popularity"} for name in RETRIEVERS}
BETTER = {name: {"enabled": True, "depth_all": depth} for name, depth in RETRIEVERS.items()}


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

    def is_reviewed(self, version: int, review: str, note: str) -> None:
        """In MLflow, by ada; the deployment carries it out."""
        client = MlflowClient(f"http://127.0.0.1:{self.shop.env['MLFLOW_PORT']}")
        for tag, value in {"review_note": note, "reviewer": "ada", "review": review}.items():
            client.set_model_version_tag("shoprec", str(version), tag, value)
        assert self.shop.ended(self.shop.start("review/review"))["state_name"] == "Completed"

    def stages(self) -> list[tuple[int, str]]:
        """All changes so far."""
        return [(entry.change.version, entry.change.to_stage) for entry in self.made()]

    def made(self) -> list[Entry]:
        return made(Ledger(f"sqlite:///{self.shop.root / 'var' / 'ledger.db'}").entries())


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, inbox: Inbox) -> Iterator[Story]:
    data = journey(tmp_path_factory.mktemp("weeks") / "shop")
    data.change(candidates=SHALLOW)
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


def test_a_better_one_waits_for_a_person_who_rejects_it(story: Story) -> None:
    story.data.change(candidates=BETTER, promotion={"mode": "review"})
    assert story.week_ends()["state_name"] == "Completed"
    assert story.stages()[2:] == [(3, "staging")]
    story.is_reviewed(3, "rejected", "not before the holidays")
    assert story.stages()[3:] == [(3, "rejected")]


def test_the_next_one_is_approved_and_its_lists_are_published(story: Story) -> None:
    published = len(story.shop.runs("recommend"))
    assert story.week_ends()["state_name"] == "Completed"
    assert story.stages()[4:] == [(4, "staging")]
    story.is_reviewed(4, "approved", "far more of what people buy")
    assert story.shop.newest("recommend", after=published)["state_name"] == "Completed"


def test_the_night_after_it_is_refreshed_and_the_monitor_looks(story: Story) -> None:
    story.week += 1
    story.data.delivers(story.week)
    for deployment in ("refresh/refresh", "monitor/monitor"):
        done = story.shop.ended(story.shop.start(deployment), 600)
        assert done["state_name"] == "Completed", done["state"]["message"]


def test_the_ledger_is_the_one_that_a_person_would_expect(story: Story) -> None:
    assert story.stages()[:6] == [
        (1, "production"),
        (2, "rejected"),
        (3, "staging"),
        (3, "rejected"),
        (4, "staging"),
        (4, "production"),
    ]
    assert [version for version, _ in story.stages()[6:]] == [5], "the refresh, wherever its verdict sent it"
    entries = {entry.change.version: entry.change for entry in story.made()}
    assert "a loss is shown" in entries[2].why
    assert (entries[3].who, entries[3].why) == ("ada", "not before the holidays")
    assert (entries[4].who, entries[4].why) == ("ada", "far more of what people buy")
    assert entries[5].who.startswith("refresh: ")
    assert "far more of what people buy" in story.shop.shoprec("history", "--json")


def test_what_serves_after_these_weeks_is_what_was_made(story: Story) -> None:
    story.shop.shoprec("verify")
