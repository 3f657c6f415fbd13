"""The end of a refresh, from its validated data, as a test kills it: see `tests.flows.killing`.

The steps are those of `flows.refresh`, in its order. A toy champion cannot compute a state, so that is the profile of
its data; and it cannot be asked for lists, so it does well.
"""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flows import refreshing, sanity, steps
from flows.champion import fetch_champion, find_champion
from flows.duel import Shipped
from flows.settings import apply_settings
from tasks.folds import Fold
from tasks.params import load_params
from tasks.promotion.newest import Newest
from tasks.promotion.sample import Sample
from tasks.registry import registry as serving_code
from tasks.registry.versions import Version
from tasks.schema import Task
from tasks.versioning import push, reproduce
from tasks.versioning.process import OnLine
from tests.flows.killing import silent


def validate(root: Path) -> None:
    """All that comes before `refresh_quickly`."""
    steps.fetch(root, silent)
    for stage in refreshing.STAGES:
        reproduce(root, stage, silent)


def refresh_quickly(root: Path) -> Version:
    """From validated data to the stage of the version with newer state; the champion where there is nothing new."""
    serving_code.serving_requirements = lambda: ["pandas"]
    refreshing.rebuild = dated
    sanity._Look = Seen  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]
    settings, params = apply_settings(root), load_params(root / "params.yaml")
    registry = steps.open_registry(settings)
    champion = find_champion(settings, registry, params, "a refresh")
    if not refreshing.is_newer(settings, champion):
        return champion.version
    push(root, silent, refreshing.STAGES)
    with tempfile.TemporaryDirectory(dir=settings.var, prefix="refresh-") as folder:
        scratch = Path(folder)
        shipped = fetch_champion(registry, champion, scratch)
        version, _ = refreshing.register_refreshed(settings, registry, champion, shipped, scratch, silent)
        verdict = sanity.judge_refreshed(settings, registry, params, champion, shipped, version, scratch, silent)
        assert verdict is not None
        return refreshing.promote_refreshed(settings, registry, champion, shipped, version, verdict, "a refresh")


def dated(shipped: Shipped, valid: Path, states: Mapping[Path, Fold], _on_line: OnLine) -> None:
    """Bundles of the ranker and the profile of the data."""
    for out in states:
        shutil.copytree(shipped.ranker, out / "ranker")
        shutil.copy(valid / "profile.json", out / "state.json")


class Seen:
    """In place of a look at a version, which does well."""

    def __init__(self, *_: Any) -> None:
        pass

    def newest(self, *_: Any) -> dict[Task, Newest]:
        return {"all": Newest(0.3, 0.3, 200)}

    def sample(self, *_: Any) -> Sample:
        return Sample(200, 400, 0, 0, 0)
