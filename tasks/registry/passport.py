"""The passport of a version: all that it came from and consists of, with digests, so that it can be checked later."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from tasks.errors import ShoprecError

Kind = Literal["retrain", "refresh"]
NONE = "none"
"""Of a tag: there is nothing to say."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Code(_Part):
    commit: str
    changed: tuple[str, ...]
    """Files that were not as committed; `dvc.lock` and `*.dvc`, which a run writes, are among `recipe`."""


class Validation(_Part):
    result: str
    checks: Mapping[str, int]
    """Status to how many."""


class Machine(_Part):
    python: str
    platform: str
    processor: str
    libraries: Mapping[str, str]


class Cut(_Part):
    """A fold: knowledge is before the cutoff, labels are `cutoff <= t < end`; UTC."""

    name: str
    cutoff: datetime
    end: datetime


class Decided(_Part):
    decision: str
    reason: str
    sha256: str
    """Of `gate/verdict.json`."""


class Passport(_Part):
    name: str
    version: int
    kind: Kind
    parent: int | None
    """The champion that it was judged against; of a refresh, the version that was refreshed."""
    run_id: str
    flow_run_id: str | None
    """Of Prefect; None: made outside a flow."""
    code: Code | None
    """None: outside git."""
    recipe: Mapping[str, str]
    """SHA-256 of each file under `recipe/` among the run's artifacts: lock, pipeline, params, suites, pointers."""
    inputs: Mapping[str, str]
    """DVC's hash of each path that a stage read; of a refresh, what its data and state were made of."""
    outputs: Mapping[str, str]
    """DVC's hash of each path that a stage made, or that was brought from outside; of a refresh, its parent's ranker
    and its own data."""
    validation: Validation
    params: Mapping[str, Any]
    seeds: Mapping[str, int]
    machine: Machine
    folds: tuple[Cut, ...]
    metrics: Mapping[str, Any]
    """Of the ranker on the test fold of the retrain that learned it; a refresh keeps those of its parent."""
    verdict: Decided
    model: Mapping[str, str]
    """SHA-256 of every file of the model in MLflow."""
    reports: Mapping[str, str] | None = None
    """SHA-256 of what else is among the run's artifacts, for people to read: evaluation, report, data quality, all that
    the gate said but its verdict. None: sealed by an older shoprec."""
    newest: Mapping[str, float] = {}
    """Of a refresh: what its run shows, by MLflow's names: metrics of the ranker on the newest horizon."""

    def as_text(self) -> str:
        """The file, whose SHA-256 is the passport's."""
        return json.dumps(self.model_dump(mode="json"), indent=1, sort_keys=True, allow_nan=False) + "\n"

    def tags(self) -> dict[str, str]:
        """What versions can be searched by."""
        test = next((cut.cutoff.isoformat() for cut in self.folds if cut.name == "test"), NONE)
        return {
            "git_commit": self.code.commit if self.code else NONE,
            "git_clean": str(not self.code.changed).lower() if self.code else NONE,
            "parent": NONE if self.parent is None else str(self.parent),
            "kind": self.kind,
            "data_raw": self.outputs.get("data/raw", NONE),
            "test_cutoff": test,
            "decision": self.verdict.decision,
        }


def read_passport(content: bytes) -> Passport:
    """Raises ShoprecError where it has other parts than this shoprec knows."""
    try:
        return Passport.model_validate_json(content)
    except ValidationError as error:
        raise ShoprecError(f"the passport is of another shoprec, and cannot be read by this one: {error}") from error


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
