"""What MLflow shows of a version's stage: aliases, tags, and its built-in stages. The one place that writes them."""

import re
import warnings

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

from tasks.errors import ShoprecError
from tasks.registry.texts import storable
from tasks.registry.versions import ALIASES, Stage, Version

STAGE, REASON, LEDGER = "stage", "stage_reason", "ledger_entry"
"""Tags of a version. The last names the ledger's entry that gave it its stage, with its digest."""
LONGEST_TAG = 5000
"""Characters; servers differ in what they take, and all take this."""
_BUILT_IN: dict[Stage, str] = {
    "candidate": "None",
    "staging": "Staging",
    "production": "Production",
    "archived": "Archived",
    "rejected": "Archived",
}


class Marks:
    """Of the registered model `name`; each write is one call to MLflow, that happens as a whole or not at all."""

    def __init__(self, client: MlflowClient, name: str) -> None:
        self.client, self.name = client, name

    def aliases(self) -> dict[str, int]:
        """The version of each alias; none before the first version is registered."""
        found = self.client.search_registered_models(f"name = '{self.name}'")
        return {alias: int(number) for alias, number in found[0].aliases.items()} if found else {}

    def holder(self, stage: Stage) -> int | None:
        return self.aliases().get(ALIASES[stage])

    def versions(self) -> dict[int, Version]:
        return {int(found.version): version_of(found) for found in self._found()}

    def version(self, number: int) -> Version:
        """Raises ShoprecError where there is none of that number."""
        known = self.versions()
        if number not in known:
            numbers = ", ".join(str(n) for n in sorted(known)) or "none yet"
            raise ShoprecError(f"there is no version {number} of {self.name}; there is {numbers}")
        return known[number]

    def named_entries(self) -> dict[int, tuple[int, str]]:
        """Of versions whose stage is in the ledger: the number and the digest of its entry."""
        tags = {int(found.version): found.tags.get(LEDGER, "") for found in self._found()}
        named = {number: re.fullmatch(r"(\d{1,9}) ([0-9a-f]{64})", tag) for number, tag in tags.items()}
        return {number: (int(entry[1]), entry[2]) for number, entry in named.items() if entry}

    def point(self, alias: str, number: int) -> None:
        self.client.set_registered_model_alias(self.name, alias, str(number))

    def drop(self, alias: str) -> None:
        self.client.delete_registered_model_alias(self.name, alias)

    def put(self, number: int, stage: Stage) -> None:
        """The tag alone."""
        self.client.set_model_version_tag(self.name, str(number), STAGE, stage)

    def tell(self, number: int, stage: Stage, reason: str, entry: str) -> None:
        """All that a person sees of the stage; the tag `stage` last, so that it stands for the others."""
        self.client.set_model_version_tag(self.name, str(number), REASON, storable(reason, LONGEST_TAG))
        self.client.set_model_version_tag(self.name, str(number), LEDGER, entry)
        self._mirror_built_in_stage(number, stage)
        self.put(number, stage)

    def _found(self) -> list[ModelVersion]:
        return list(self.client.search_model_versions(f"name = '{self.name}'"))

    def _mirror_built_in_stage(self, number: int, stage: Stage) -> None:
        """MLflow deprecated its built-in stages; while they exist, its older view shows ours through them."""
        transition = getattr(self.client, "transition_model_version_stage", None)
        if transition is None:
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            transition(self.name, str(number), _BUILT_IN[stage], archive_existing_versions=False)


def version_of(found: ModelVersion) -> Version:
    tags = found.tags
    stage: Stage = tags.get(STAGE, "candidate")  # pyright: ignore[reportAssignmentType]
    return Version(found.name, int(found.version), stage, tags.get(REASON, ""), found.run_id or "")
