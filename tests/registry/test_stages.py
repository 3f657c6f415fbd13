"""Moves and rollbacks against the real MLflow over SQLite."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import pytest

from tasks.errors import ShoprecError
from tasks.registry import Retrained, Stage, Version
from tasks.registry.ledger import Ledger
from tasks.registry.registry import Registry
from tasks.registry.stages import Stages
from tests.registry.agreement import assert_all_agree

Make = Callable[..., Retrained]


def move(stages: Stages, version: int, to: Stage, champion: int | None, why: str = "a test", **given: Any) -> Version:
    return stages.move(version, to, why, who="ann", evidence={}, expected_champion=champion, **given)


@pytest.fixture
def second_serves(stages: Stages) -> Stages:
    """Version 2 took the place of 1; 3 is a candidate."""
    move(stages, 1, "production", None, "the first")
    move(stages, 2, "production", 1, "better")
    return stages


def test_a_version_has_one_stage_seen_as_tag_alias_and_built_in_stage(
    stages: Stages, of_three: Registry, ledger: Ledger
) -> None:
    version = move(stages, 1, "production", None, "the first")
    assert (version.stage, version.reason) == ("production", "the first")
    found = mlflow.MlflowClient(of_three.uri).get_model_version_by_alias("shoprec", "champion")
    assert (found.version, found.current_stage, found.tags["stage"]) == (1, "Production", "production")
    assert_all_agree(of_three, ledger)


def test_who_takes_an_alias_archives_who_had_it(stages: Stages, of_three: Registry) -> None:
    move(stages, 1, "staging", None)
    move(stages, 2, "staging", None)
    versions = of_three.marks.versions()
    assert (versions[1].stage, versions[1].reason) == ("archived", "version 2 took its place")
    assert of_three.holder_of("staging") == versions[2]
    assert "previous" not in of_three.marks.aliases(), "only what served is previous"


def test_a_promoted_challenger_is_challenger_no_more(stages: Stages, of_three: Registry, ledger: Ledger) -> None:
    move(stages, 1, "staging", None)
    move(stages, 1, "production", None)
    assert of_three.marks.aliases() == {"champion": 1}
    assert_all_agree(of_three, ledger)


def test_a_replaced_champion_is_archived_and_called_previous(second_serves: Stages, of_three: Registry) -> None:
    del second_serves
    assert of_three.marks.aliases() == {"champion": 2, "previous": 1}
    assert of_three.marks.version(1).stage == "archived"


def test_a_rejected_challenger_loses_its_alias(stages: Stages, of_three: Registry, ledger: Ledger) -> None:
    move(stages, 1, "staging", None)
    move(stages, 1, "rejected", None, "worse")
    assert of_three.marks.aliases() == {}
    assert_all_agree(of_three, ledger)


def test_giving_a_stage_again_changes_nothing(stages: Stages, ledger: Ledger) -> None:
    """So that a run after a crash may finish what was begun, with whatever champion it saw."""
    version = move(stages, 1, "production", None)
    assert move(stages, 1, "production", None) == version
    assert len(ledger.entries()) == 2


def test_a_move_decided_against_another_champion_is_refused_and_says_who_serves_now(second_serves: Stages) -> None:
    with pytest.raises(ShoprecError, match=r"version 2 serves since .* UTC, put there by ann: better.*version 1 in"):
        move(second_serves, 3, "production", 1)
    with pytest.raises(ShoprecError, match="decided with nothing in production"):
        move(second_serves, 3, "staging", None)


def test_what_serves_cannot_be_taken_away_without_another_in_its_place(second_serves: Stages) -> None:
    with pytest.raises(ShoprecError, match="serves and cannot become rejected"):
        move(second_serves, 2, "rejected", 2)


def test_a_rejected_version_serves_never(stages: Stages) -> None:
    move(stages, 1, "rejected", None, "it does not beat popularity")
    with pytest.raises(ShoprecError, match="version 1 was rejected.*does not beat popularity"):
        move(stages, 1, "production", None)
    with pytest.raises(ShoprecError, match="was rejected"):
        stages.rollback(1, "I want it", "ann")


def test_a_version_that_is_not_there_is_named_with_those_that_are(stages: Stages) -> None:
    with pytest.raises(ShoprecError, match="no version 9 of shoprec; there is 1, 2, 3"):
        move(stages, 9, "production", None)


def test_a_change_without_a_reason_is_refused(stages: Stages, ledger: Ledger) -> None:
    for blank in ("", " \n"):
        with pytest.raises(ShoprecError, match="say why"):
            move(stages, 1, "production", None, blank)
    assert ledger.entries() == []


def test_a_rollback_puts_the_previous_version_back_in_seconds(
    second_serves: Stages, of_three: Registry, ledger: Ledger
) -> None:
    begun = time.monotonic()
    version = second_serves.rollback(None, "complaints", "bob")
    assert time.monotonic() - begun < 5
    assert (version.number, version.stage, version.reason) == (1, "production", "complaints")
    assert of_three.marks.aliases() == {"champion": 1, "previous": 2}
    assert_all_agree(of_three, ledger)


def test_a_rollback_to_any_version_that_was_not_rejected(second_serves: Stages, of_three: Registry) -> None:
    assert second_serves.rollback(3, "complaints", "bob").number == 3
    assert of_three.marks.aliases() == {"champion": 3, "previous": 2}


def test_what_a_rollback_took_away_comes_back_by_its_number_only(second_serves: Stages) -> None:
    """Two who press the button at night must not undo each other."""
    second_serves.rollback(None, "complaints", "bob")
    with pytest.raises(ShoprecError, match="version 1 serves since .* by bob: complaints. That was a rollback"):
        second_serves.rollback(None, "complaints, too", "ann")
    assert second_serves.rollback(2, "they were about something else", "ann").number == 2


def test_a_rollback_to_what_serves_is_refused(second_serves: Stages) -> None:
    with pytest.raises(ShoprecError, match="nothing to roll back: version 2 serves since"):
        second_serves.rollback(2, "complaints", "bob")


def test_a_rollback_needs_something_to_go_back_to(stages: Stages) -> None:
    with pytest.raises(ShoprecError, match="no version serves. What served before is not known"):
        stages.rollback(None, "complaints", "bob")
    move(stages, 1, "production", None)
    with pytest.raises(ShoprecError, match="version 1 serves .*What served before is not known"):
        stages.rollback(None, "complaints", "bob")


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda path: path.unlink(), "artifacts/bundle/items.json is missing"),
        (lambda path: path.write_text("{"), "artifacts/bundle/items.json has 1 bytes, but was logged with 36"),
    ],
)
def test_a_version_whose_files_are_not_complete_is_refused_and_the_champion_stays(
    registry: Registry, retrained: Make, ledger: Ledger, tmp_path: Path, harm: Callable[[Path], object], told: str
) -> None:
    stages = Stages(registry, ledger)
    move(stages, registry.log(retrained("r1")).number, "production", None)
    (bundled,) = (tmp_path / "artifacts").rglob("bundle/items.json")
    move(stages, registry.log(retrained("r2")).number, "production", 1)
    harm(bundled)
    with pytest.raises(ShoprecError, match=f"version 1 cannot serve: {told}"):
        stages.rollback(None, "complaints", "bob")
    assert registry.marks.holder("production") == 2
    assert_all_agree(registry, ledger)


@pytest.mark.parametrize("gone", ["MLmodel", "served_model.py", "code/tasks/recommender/__init__.py"])
def test_the_file_that_is_missing_is_named(
    registry: Registry, retrained: Make, ledger: Ledger, tmp_path: Path, gone: str
) -> None:
    registry.log(retrained("r1"))
    (path,) = (tmp_path / "artifacts").rglob(gone)
    path.unlink()
    with pytest.raises(ShoprecError, match=f"{gone} is missing among its files"):
        move(Stages(registry, ledger), 1, "production", None)
    assert ledger.entries() == []


@pytest.mark.parametrize("text", ["", "{", "no: model"])
def test_a_model_that_does_not_say_what_it_is_is_refused(
    registry: Registry, retrained: Make, ledger: Ledger, tmp_path: Path, text: str
) -> None:
    registry.log(retrained("r1"))
    (path,) = (tmp_path / "artifacts").rglob("MLmodel")
    path.write_text(text)
    with pytest.raises(ShoprecError, match="its MLmodel does not describe a model"):
        move(Stages(registry, ledger), 1, "production", None)


def test_a_model_from_before_sizes_were_logged_can_serve(
    registry: Registry, retrained: Make, ledger: Ledger, tmp_path: Path
) -> None:
    registry.log(retrained("r1"))
    (path,) = (tmp_path / "artifacts").rglob("MLmodel")
    before, _, after = path.read_text().partition("metadata:\n")
    path.write_text(before + after[after.index("mlflow_version") :])
    assert move(Stages(registry, ledger), 1, "production", None).stage == "production"
    path.with_name("served_model.py").unlink()
    move(Stages(registry, ledger), registry.log(retrained("r2")).number, "production", 1)
    with pytest.raises(ShoprecError, match="served_model.py is missing"):
        Stages(registry, ledger).rollback(None, "complaints", "bob")


def test_history_says_what_was_in_production_when_and_why(second_serves: Stages, ledger: Ledger) -> None:
    move(second_serves, 3, "staging", 2)
    second_serves.rollback(None, "complaints", "bob")
    times = second_serves.history()
    assert [(t.version, t.who, t.why, t.instead_of) for t in times] == [
        (1, "ann", "the first", None),
        (2, "ann", "better", 1),
        (1, "bob", "complaints", 2),
    ]
    assert [t.until for t in times] == [times[1].since, times[2].since, None], "one begins as the other ends"
    assert second_serves.serving() == times[-1]
    assert [e.at for e in ledger.entries()] == sorted(e.at for e in ledger.entries())


def test_a_registry_from_before_the_ledger_is_written_down_as_found(
    stages: Stages, of_three: Registry, ledger: Ledger
) -> None:
    of_three.marks.point("champion", 2)
    of_three.marks.put(2, "production")
    of_three.marks.put(1, "production")  # left by a crash
    now = stages.serving()
    assert now is not None
    assert (now.version, now.since) == (2, None)
    stages.mend("ann")
    assert_all_agree(of_three, ledger)
    found = [e.change for e in ledger.entries() if e.state == "begun"]
    assert [(c.action, c.version, c.to_stage, c.who) for c in found] == [
        ("found", 2, "production", "unknown"),
        ("found", 1, "archived", "unknown"),
    ]


def test_what_was_changed_by_hand_is_written_down_and_what_serves_is_left(
    second_serves: Stages, of_three: Registry, ledger: Ledger
) -> None:
    of_three.marks.point("champion", 3)
    second_serves.mend("bob")
    assert_all_agree(of_three, ledger)
    assert [t.version for t in second_serves.history()] == [1, 2, 3]
    assert second_serves.history()[-1].why == "set by other means than shoprec"
    of_three.marks.drop("champion")
    second_serves.mend("bob")
    assert_all_agree(of_three, ledger)
    assert second_serves.serving() is None
    assert second_serves.rollback(2, "nothing serves", "bob").number == 2


def test_a_version_that_was_deleted_in_mlflow_stands_in_nobodys_way(
    second_serves: Stages, of_three: Registry, ledger: Ledger
) -> None:
    of_three.marks.client.delete_model_version("shoprec", "2")
    second_serves.mend("ann")
    assert_all_agree(of_three, ledger)
    assert second_serves.rollback(1, "the other was deleted", "bob").number == 1
    assert_all_agree(of_three, ledger)


def test_evidence_is_kept_with_the_change(stages: Stages, ledger: Ledger) -> None:
    evidence = {"decision": "promote", "judged against": None, "digests": {"data/valid": "c4ca.dir"}}
    stages.move(1, "production", "better", "retrain: weekly", evidence, None)
    assert ledger.entries()[0].change.evidence == evidence


@pytest.mark.parametrize("bad", [{"value": float("nan")}, {"value": object()}, {"value": "x" * 30_000}])
def test_evidence_that_the_ledger_cannot_keep_changes_nothing(
    stages: Stages, of_three: Registry, ledger: Ledger, bad: dict[str, Any]
) -> None:
    with pytest.raises(ShoprecError, match="evidence for version 1"):
        stages.move(1, "production", "better", "ann", bad, None)
    assert (ledger.entries(), of_three.marks.aliases()) == ([], {})


HOSTILE = "[bold]a\r\n\x1b[31m\0\udc80 🛒 <b>| '; DROP TABLE shoprec_ledger;--\u202e"


def test_hostile_text_breaks_neither_ledger_nor_mlflow(registry: Registry, retrained: Make, ledger: Ledger) -> None:
    stages, long = Stages(registry, ledger), HOSTILE * 3000
    registry.log(replace(retrained("r1"), tags={"source": long}))
    evidence = {HOSTILE: HOSTILE}
    version = stages.move(1, "production", long, HOSTILE, evidence, None)
    kept = ledger.entries()[0].change
    assert kept.evidence == evidence
    assert kept.why.startswith("[bold]a\r\n\x1b[31m\\x00\\udc80 🛒 <b>| '; DROP")
    assert (len(kept.why), kept.why[-1]) == (10_000, "…")
    assert (len(version.reason), version.reason[-1]) == (5000, "…")
    assert_all_agree(registry, ledger)


@pytest.mark.usefixtures("second_serves")
def test_a_lost_ledger_begins_anew_and_says_what_is_lost(of_three: Registry, tmp_path: Path) -> None:
    """At night a rollback has to work without it, and nobody may take the new one for the whole story."""
    lost = of_three.marks.named_entries()[2]
    anew = Stages(of_three, Ledger(f"sqlite:///{tmp_path / 'another.db'}"))
    misfit = anew.check()
    assert misfit is not None
    assert anew.rollback(1, "complaints", "ann").number == 1
    found, rolled_back = anew.changes()
    assert found.why.startswith("it had this stage when the ledger began; MLflow names entries that this ledger lacks:")
    assert f"{lost[0]} ({lost[1][:12]})" in found.why
    assert rolled_back.why == "complaints"
    assert of_three.marks.aliases() == {"champion": 1, "previous": 2}
