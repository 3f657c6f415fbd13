"""What was logged with a version, and the seal of its passport."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.errors import ShoprecError, TransientError

if TYPE_CHECKING:
    from tasks.registry.registry import Registry
    from tasks.registry.stages import Stages


@dataclass(frozen=True)
class LoggedRun:
    """Of MLflow, whose artifacts are fetched into `folder`."""

    registry: "Registry"
    run_id: str
    folder: Path

    def content(self, path: str) -> bytes | None:
        """None: the run has no such file."""
        from tasks.registry.artifacts import fetch_file

        try:
            return fetch_file(self.registry, self.run_id, path, self.folder).read_bytes()
        except TransientError:
            raise
        except ShoprecError:
            return None


def digests_of_passport(registry: "Registry", stages: "Stages", number: int) -> dict[str, str | None]:
    """Place to what it says; None: nothing."""
    from tasks.registry.passports import DIGEST, tags_of

    told = [c.evidence[DIGEST] for c in stages.changes() if c.version == number and DIGEST in c.evidence]
    return {f"the tag {DIGEST}": tags_of(registry, number).get(DIGEST), "the ledger": told[-1] if told else None}
