"""What a reviewer decided in MLflow's UI, carried out: plain functions, for the command and for the flow.

A reviewer sets the tag `review` of a version in staging to `approved` or `rejected`, with `review_note` and, where
wanted, `reviewer`. What came of it stands in the tag `review_answer`. What was answered stays so, whatever serves
later, until somebody changes `review` or takes the answer away.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from flows.events import tell_promoted
from flows.production import open_registry, stages_of
from flows.settings import Settings
from tasks.errors import ShoprecError, TransientError
from tasks.registry.lines import learned_as
from tasks.registry.texts import storable, visible
from tasks.registry.versions import Stage, Version

if TYPE_CHECKING:
    from tasks.registry.registry import Registry
    from tasks.registry.reviews import Review
    from tasks.registry.stages import Stages

Outcome = Literal["waits", "approved", "rejected", "refused", "answered before"]
LEADS_TO: dict[str, Stage] = {"approved": "production", "rejected": "rejected"}
HOW = "set the tag review_note to why, then review to approved or rejected"
_AGAIN = "to ask again, change the tag review or delete this one"
_LONGEST_NOTE = 1000
"""In the evidence; as the reason of a change the ledger keeps more of it."""


@dataclass(frozen=True)
class Reviewed:
    """What is known of one version that waits or was reviewed."""

    version: int
    outcome: Outcome
    told: str


def review_versions(settings: Settings) -> list[Reviewed]:
    """Does what reviewers ask for; a second time it does nothing. Raises ShoprecError where there is no registry."""
    registry = open_registry(settings)
    found = review_all(registry, stages_of(settings, registry))
    return [_with_event(settings, one) if one.outcome == "approved" else one for one in found]


def _with_event(settings: Settings, approved: Reviewed) -> Reviewed:
    untold = tell_promoted(settings.root, approved.version, "review", approved.told)
    return replace(approved, told=f"{approved.told}; {untold}") if untold else approved


def review_all(registry: "Registry", stages: "Stages") -> list[Reviewed]:
    from tasks.registry.reviews import answer, read_reviews  # takes seconds, so not before it is needed

    stages.mend("review")  # an approval that was cut short has to be seen as what it is
    found: list[Reviewed] = []
    for review in read_reviews(registry):
        done = _waits_or_answered(review) or _decide(registry, stages, review)
        if done.outcome not in ("waits", "answered before"):
            answer(registry, review, done.told)
        found.append(done)
    return found


def _waits_or_answered(review: "Review") -> Reviewed | None:
    number = review.version.number
    if not review.asked:
        return Reviewed(number, "waits", f"in staging; {HOW}")
    return Reviewed(number, "answered before", review.answer) if review.is_answered else None


def _decide(registry: "Registry", stages: "Stages", review: "Review") -> Reviewed:
    number, stage, to = review.version.number, review.version.stage, LEADS_TO.get(review.asked)
    if to is None:
        return Reviewed(number, "refused", f"this value is not known, and nothing was done; {HOW}")
    if stage == to:  # whoever moved it was cut short before answering
        return _done(review)
    if stage != "staging":
        return _refused(registry, review, f"this version is {visible(stage, 40)}; only one in staging is reviewed")
    judged = _judged(stages, number)
    serving = registry.holder_of("production")
    if to == "production" and (why := _not_to_be_approved(stages, judged, serving)):
        return _refused(registry, review, why)
    return _move(registry, stages, review, judged or {}, serving.number if serving else None)


def _move(
    registry: "Registry", stages: "Stages", review: "Review", judged: Mapping[str, Any], serving: int | None
) -> Reviewed:
    to = LEADS_TO[review.asked]
    why = review.note or f"{review.asked} in review, without a note"
    evidence = {"review": review.asked, "note": storable(review.note, _LONGEST_NOTE), "verdict": dict(judged)}
    try:
        stages.move(review.version.number, to, why, review.who, evidence, expected_champion=serving)
    except TransientError:
        raise
    except ShoprecError as error:
        return _refused(registry, review, str(error))
    return _done(review)


def _judged(stages: "Stages", number: int) -> Mapping[str, Any] | None:
    """What the ledger says of the version's last verdict."""
    verdicts = [c.evidence for c in stages.changes() if c.version == number and "judged_against" in c.evidence]
    return verdicts[-1] if verdicts else None


def _not_to_be_approved(stages: "Stages", judged: Mapping[str, Any] | None, serving: Version | None) -> str | None:
    """A refresh of the champion that it was judged against has its ranker, and the verdict holds against it too."""
    if judged is None:
        return "the ledger has no verdict on this version; the next retrain is judged"
    against, now, changes = judged["judged_against"], serving.number if serving else None, stages.changes()
    if learned_as(changes, against) != learned_as(changes, now):
        return f"it was judged against {_named(against)}, and {_named(now)} serves; the next one is judged against it"
    return None


def _named(number: Any) -> str:
    return "no version" if number is None else f"version {number}"


def _done(review: "Review") -> Reviewed:
    outcome: Outcome = "approved" if review.asked == "approved" else "rejected"
    return Reviewed(review.version.number, outcome, "it serves now" if outcome == "approved" else "it is rejected now")


def _refused(registry: "Registry", review: "Review", why: str) -> Reviewed:
    """What another review did in the meantime, which is what was asked for, is not refused."""
    number = review.version.number
    if registry.version(number).stage == LEADS_TO[review.asked]:
        return _done(review)
    return Reviewed(number, "refused", f"not moved: {why}; {_AGAIN}")
