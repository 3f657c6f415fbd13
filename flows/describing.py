"""What MLflow shows of a version that was judged: gathered, given to the version and its run, and kept as a file."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from flows.settings import Settings
from flows.steps import EVALUATION, REPORT, VALID, read_json
from flows.tables import description
from tasks.errors import ShoprecError, TransientError
from tasks.ingestion.storage import replace_file
from tasks.promotion.data_change import DataChange, data_change
from tasks.promotion.page import Page
from tasks.promotion.shoppers import Shopper
from tasks.promotion.verdict import Verdict
from tasks.registry import Stage, Version
from tasks.schema import ITEM, TIMESTAMP

if TYPE_CHECKING:
    from tasks.registry.registry import Registry

QUALITY = "evaluation/data_quality.json"
"""Among the artifacts of a run."""
FOLDER = "gate"
"""In reports/ and among the run's artifacts: all that is said of a version that was judged."""
FILE = "review.md"
"""The page without cuts."""
LINKS = {
    "report": REPORT,
    "data quality": "data_quality.html",
    "verdict": f"{FOLDER}/verdict.md",
    "this page, whole": f"{FOLDER}/{FILE}",
}


def describe_version(
    settings: Settings,
    registry: "Registry",
    version: Version,
    verdict: Verdict,
    champion: int | None,
    shoppers: tuple[Shopper, ...],
    to: Stage,
    why: str,
) -> None:
    """To be called before the version is moved `to` a stage: a run that is cut short between is judged again."""
    from tasks.registry import artifacts  # takes seconds, so not before it is needed

    page = Page(
        number=version.number,
        champion=champion,
        decision=decision_in_words(verdict, to),
        why=why,
        verdict=verdict,
        measured=description(read_json(settings.root / EVALUATION)) if champion is None else "",
        change=change_since(settings, registry, champion) if champion is not None else None,
        shoppers=shoppers,
        links={text: artifacts.address_in_ui(registry, version.run_id, path) for text, path in LINKS.items()},
    )
    whole = settings.reports / FOLDER / FILE
    replace_file(whole, (page.markdown() + "\n").encode())
    artifacts.attach(registry, version.run_id, {FOLDER: [whole]})
    told = page.markdown(artifacts.longest_description(registry))
    artifacts.describe(registry, version.number, version.run_id, told, page.markdown(artifacts.LONGEST_NOTE))


def decision_in_words(verdict: Verdict, to: Stage) -> str:
    if verdict.decision == "promote":
        return "promoted" if to == "production" else "waits for review"
    return "held" if verdict.decision == "hold" else "rejected"


def change_since(settings: Settings, registry: "Registry", champion: int) -> DataChange | None:
    """What is new in the data; None where the champion's run has no profile, or one that is not like ours."""
    theirs = _profile_of(registry, champion)
    if theirs is None:
        return None
    ours = read_json(settings.reports / "data_quality.json")["profile"]["valid"]
    events = pd.read_parquet(settings.root / VALID / "events.parquet", columns=[ITEM, TIMESTAMP])
    try:
        return data_change(theirs, ours, events)
    except (KeyError, TypeError, ValueError):
        return None


def _profile_of(registry: "Registry", number: int) -> Mapping[str, Any] | None:
    from tasks.registry.artifacts import fetch_file

    with tempfile.TemporaryDirectory(prefix="profile-") as folder:
        try:
            run_id = registry.version(number).run_id
            return read_json(fetch_file(registry, run_id, QUALITY, Path(folder))).get("profile", {}).get("valid")
        except TransientError:
            raise
        except ShoprecError:
            return None
