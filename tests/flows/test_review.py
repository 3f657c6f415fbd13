"""What a reviewer sets in MLflow is carried out: 1 serves, 2 was judged against it and stands in staging."""

import json
import sys
from pathlib import Path

import pytest
import yaml

from flows.cli import main
from flows.promoting import waiting_version
from flows.reviewing import Reviewed, _decide, review_all
from tasks.registry.ledger import Ledger
from tasks.registry.registry import Registry
from tasks.registry.reviews import read_reviews
from tasks.registry.stages import Stages
from tests.registry.conftest import (  # noqa: F401  # fixtures
    ledger,
    of_three,
    stages,
    three_versions,
    used_by_one_test_after_another,
)

VERDICT = {"decision": "promote", "judged_against": 1, "mode": "review", "verdict_sha256": "ab" * 32}
HOSTILE = "<script>alert(1)</script> | \ud800\x00 [x](javascript:alert(1)) " + "🛒" * 5000


@pytest.fixture
def waiting(stages: Stages) -> Stages:  # noqa: F811
    let_2_wait(stages)
    return stages


def let_2_wait(stages: Stages) -> None:  # noqa: F811
    stages.move(1, "production", "the first", "a retrain", {"decision": "promote", "judged_against": None}, None)
    stages.move(2, "staging", "it gained", "a retrain", VERDICT, 1)


def ask(registry: Registry, version: int = 2, **tags: str) -> None:
    """As the UI does."""
    for name, value in tags.items():
        registry.client.set_model_version_tag("shoprec", str(version), name, value)


def tag(registry: Registry, name: str, version: int = 2) -> str | None:
    return registry.client.get_model_version("shoprec", str(version)).tags.get(name)


def test_a_version_in_staging_that_nobody_reviewed_waits(waiting: Stages, of_three: Registry) -> None:  # noqa: F811
    assert [(one.version, one.outcome) for one in review_all(of_three, waiting)] == [(2, "waits")]
    assert of_three.marks.aliases() == {"champion": 1, "challenger": 2}
    assert tag(of_three, "review_answer") is None


@pytest.mark.parametrize("word", ["approved", "Approved ", " APPROVED\n"])
def test_an_approved_version_serves_and_the_old_champion_is_the_previous_one(
    word: str,
    waiting: Stages,
    of_three: Registry,  # noqa: F811
) -> None:
    ask(of_three, review=word, review_note="the lists look right", reviewer="Ada")
    assert review_all(of_three, waiting) == [Reviewed(2, "approved", "it serves now")]
    assert of_three.marks.aliases() == {"champion": 2, "previous": 1}
    assert of_three.marks.version(1).stage == "archived"
    change = waiting.changes()[-1]
    assert (change.who, change.why, change.from_stage) == ("Ada", "the lists look right", "staging")
    assert change.evidence == {"review": "approved", "note": "the lists look right", "verdict": VERDICT}
    assert tag(of_three, "review_answer") == "approved: it serves now"


def test_a_rejected_version_is_rejected_and_nothing_else_moves(waiting: Stages, of_three: Registry) -> None:  # noqa: F811
    ask(of_three, review="rejected")
    assert review_all(of_three, waiting) == [Reviewed(2, "rejected", "it is rejected now")]
    assert of_three.marks.aliases() == {"champion": 1}
    change = waiting.changes()[-1]
    assert (change.who, change.why) == ("MLflow reviewer", "rejected in review, without a note")


def test_a_held_version_can_be_approved(stages: Stages, of_three: Registry) -> None:  # noqa: F811
    stages.move(1, "production", "the first", "a retrain", {}, None)
    stages.move(2, "staging", "no gain", "a retrain", VERDICT | {"decision": "hold", "mode": "auto"}, 1)
    ask(of_three, review="approved")
    assert review_all(of_three, stages)[0].outcome == "approved"
    assert of_three.marks.holder("production") == 2


def test_a_first_version_that_waits_can_be_approved(stages: Stages, of_three: Registry) -> None:  # noqa: F811
    stages.move(1, "staging", "it beats popularity", "a retrain", VERDICT | {"judged_against": None}, None)
    ask(of_three, 1, review="approved")
    assert review_all(of_three, stages)[0].outcome == "approved"
    assert of_three.marks.aliases() == {"champion": 1}


def test_a_review_counts_as_no_gate(waiting: Stages, of_three: Registry) -> None:  # noqa: F811
    """The gate's error is spent by the verdicts, each of which names its champion in `judged_against`."""
    ask(of_three, review="approved")
    review_all(of_three, waiting)
    assert sum(change.evidence.get("judged_against") == 1 for change in waiting.changes()) == 1


def test_where_another_serves_by_now_nothing_moves(waiting: Stages, of_three: Registry) -> None:  # noqa: F811
    waiting.move(3, "production", "by hand", "Bob", {}, 1)
    ask(of_three, review="approved")
    (found,) = review_all(of_three, waiting)
    assert found.outcome == "refused"
    assert of_three.marks.aliases() == {"champion": 3, "previous": 1, "challenger": 2}
    answered = tag(of_three, "review_answer")
    assert answered is not None
    assert "judged against version 1, and version 3 serves; the next one is judged" in answered


def test_two_reviews_at_once_give_one_answer(waiting: Stages, of_three: Registry) -> None:  # noqa: F811
    """The webhook and the deployment may look at the same moment."""
    ask(of_three, review="approved")
    (seen_by_the_second,) = read_reviews(of_three)
    review_all(of_three, waiting)
    assert _decide(of_three, waiting, seen_by_the_second) == Reviewed(2, "approved", "it serves now")


def test_what_was_refused_is_not_approved_by_a_later_rollback(waiting: Stages, of_three: Registry) -> None:  # noqa: F811
    """Somebody who goes back to version 1 at night must not find 2 in production five minutes later."""
    waiting.move(3, "production", "by hand", "Bob", {}, 1)
    ask(of_three, review="approved")
    review_all(of_three, waiting)
    waiting.rollback(None, "3 is slow", "Bob")
    assert review_all(of_three, waiting)[0].outcome == "answered before"
    assert of_three.marks.holder("production") == 1
    of_three.client.delete_model_version_tag("shoprec", "2", "review_answer")
    assert review_all(of_three, waiting)[0].outcome == "approved"


@pytest.mark.parametrize("word", ["aproved", "yes", HOSTILE])
def test_an_unknown_value_is_answered_and_not_guessed(word: str, waiting: Stages, of_three: Registry) -> None:  # noqa: F811
    ask(of_three, review=word.replace("\ud800", ""))
    assert review_all(of_three, waiting)[0].outcome == "refused"
    assert of_three.marks.aliases() == {"champion": 1, "challenger": 2}
    answered = tag(of_three, "review_answer")
    assert answered is not None
    assert "not known" in answered
    ask(of_three, review="approved")
    assert review_all(of_three, waiting)[0].outcome == "approved", "the corrected value is another question"


def test_any_note_can_be_kept(waiting: Stages, of_three: Registry) -> None:  # noqa: F811
    ask(of_three, review="approved", review_note=HOSTILE.replace("\ud800", ""), reviewer="x" * 5000)
    assert review_all(of_three, waiting)[0].outcome == "approved"
    assert waiting.check() is None


def test_a_second_look_does_nothing(waiting: Stages, of_three: Registry) -> None:  # noqa: F811
    ask(of_three, review="approved", review_note="good")
    review_all(of_three, waiting)
    changes, tags = waiting.changes(), of_three.client.get_model_version("shoprec", "2").tags
    assert review_all(of_three, waiting)[0].outcome == "answered before"
    assert (waiting.changes(), of_three.client.get_model_version("shoprec", "2").tags) == (changes, tags)


def test_a_review_that_was_cut_short_before_its_answer_is_answered(waiting: Stages, of_three: Registry) -> None:  # noqa: F811
    ask(of_three, review="approved")
    review_all(of_three, waiting)
    of_three.client.delete_model_version_tag("shoprec", "2", "review_answer")
    changes = len(waiting.changes())
    assert review_all(of_three, waiting) == [Reviewed(2, "approved", "it serves now")]
    assert len(waiting.changes()) == changes


@pytest.mark.parametrize("stage", ["archived", "candidate"])
def test_only_a_version_in_staging_is_reviewed(stage: str, waiting: Stages, of_three: Registry) -> None:  # noqa: F811
    if stage == "archived":
        waiting.move(3, "archived", "held", "a retrain", VERDICT, 1)
    ask(of_three, 3, review="approved")
    outcomes = {one.version: one for one in review_all(of_three, waiting)}
    assert outcomes[3].outcome == "refused"
    assert f"this version is {stage}" in outcomes[3].told
    assert of_three.marks.holder("production") == 1


def test_a_version_without_a_verdict_is_not_approved(stages: Stages, of_three: Registry) -> None:  # noqa: F811
    stages.move(1, "production", "the first", "a retrain", {}, None)
    stages.move(2, "staging", "by hand", "Bob", {}, 1)
    ask(of_three, review="approved")
    (found,) = review_all(of_three, stages)
    assert found.outcome == "refused"
    assert "no verdict" in found.told


def test_the_command_tells_what_it_did(
    three_versions: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "mlflow.db").write_bytes(three_versions.read_bytes())
    registry = Registry(f"sqlite:///{tmp_path / 'var' / 'mlflow.db'}")
    let_2_wait(Stages(registry, Ledger(f"sqlite:///{tmp_path / 'var' / 'ledger.db'}")))
    assert command(["--root", str(tmp_path)], monkeypatch, capsys).startswith("version 2: waits; in staging; set the")
    ask(registry, review="approved")
    told = json.loads(command(["--root", str(tmp_path), "--json"], monkeypatch, capsys))
    assert told == [{"version": 2, "outcome": "approved", "told": "it serves now"}]


def command(arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.setattr(sys, "argv", ["shoprec", "review", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    return capsys.readouterr().out


def test_the_deployment_looks_every_five_minutes_one_at_a_time() -> None:
    deployments = yaml.safe_load((Path(__file__).parents[2] / "infra" / "prefect.yaml").read_text())["deployments"]
    (found,) = [one for one in deployments if one["entrypoint"] == "flows.review.review"]
    assert [schedule["cron"] for schedule in found["schedules"]] == ["*/5 * * * *"]
    assert found["concurrency_limit"]["limit"] == 1


def test_a_verdict_against_the_champion_holds_against_its_refresh(waiting: Stages, of_three: Registry) -> None:  # noqa: F811
    """A nightly refresh must not take the version away that a person looks at by day."""
    waiting.move(3, "production", "newer state", "refresh: nightly", {"decision": "promote", "refresh_of": 1}, 1)
    assert waiting_version(of_three, waiting, 3) == 2
    ask(of_three, review="approved")
    assert review_all(of_three, waiting) == [Reviewed(2, "approved", "it serves now")]
    assert of_three.marks.aliases() == {"champion": 2, "previous": 3}
