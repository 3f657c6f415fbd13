"""What people ask for in MLflow's UI by setting tags of a version, and what they are answered there."""

from dataclasses import dataclass

from tasks.registry.faults import faults_of_mlflow
from tasks.registry.marks import LONGEST_TAG, version_of
from tasks.registry.registry import Registry
from tasks.registry.texts import storable
from tasks.registry.versions import Version

REVIEW, NOTE, REVIEWER, ANSWER = "review", "review_note", "reviewer", "review_answer"
"""Tags of a version; people set the first three."""
NOBODY_IN_PARTICULAR = "MLflow reviewer"
_LONGEST_VALUE = 100


@dataclass(frozen=True)
class Review:
    version: Version
    asked: str
    """The tag's value as it is, shortened; in small letters and without spaces around it. Empty: no such tag."""
    note: str
    who: str
    answer: str
    """What was answered last; empty: nothing yet."""

    @property
    def is_answered(self) -> bool:
        """Whether the answer is to what is asked for now; who changes the tag, or takes the answer away, asks anew."""
        return self.answer.startswith(_begin(self.asked))


def read_reviews(registry: Registry) -> list[Review]:
    """Of the versions that stand in staging or have the tag `review`; the lowest number first."""
    with faults_of_mlflow(registry.uri):
        found = registry.client.search_model_versions(f"name = '{registry.name}'")
    reviews = [_review(version_of(version), version.tags) for version in found]
    wanted = [review for review in reviews if review.asked or review.version.stage == "staging"]
    return sorted(wanted, key=lambda review: review.version.number)


def answer(registry: Registry, review: Review, words: str) -> None:
    """In the tag `review_answer`; written once."""
    told = storable(_begin(review.asked) + words, LONGEST_TAG)
    if told != review.answer:
        with faults_of_mlflow(registry.uri):
            registry.client.set_model_version_tag(registry.name, str(review.version.number), ANSWER, told)


def _review(version: Version, tags: dict[str, str]) -> Review:
    asked = storable(" ".join(tags.get(REVIEW, "").split()).lower(), _LONGEST_VALUE)
    who = tags.get(REVIEWER, "").strip() or NOBODY_IN_PARTICULAR
    return Review(version, asked, tags.get(NOTE, "").strip(), who, tags.get(ANSWER, ""))


def _begin(asked: str) -> str:
    return f"{asked}: "
