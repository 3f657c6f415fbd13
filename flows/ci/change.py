"""The change that is checked out, retrained and held against its base."""

import tempfile
from pathlib import Path

from flows.ci.base import head_commit, recorded_base, retrained_base
from flows.ci.comparison import Comparison, compare
from flows.ci.learning import learn
from flows.one_at_a_time import only_retrain
from flows.settings import Settings
from tasks.params import load_params
from tasks.versioning.process import OnLine


def compare_change(settings: Settings, ref: str, retrain_base: bool, newest_data: bool, on_line: OnLine) -> Comparison:
    """`retrain_base`: whether the base is trained too, where what is known of it cannot be paired with the change.

    Raises what stops a retrain, see `learn`, and ShoprecError where git does not know `ref`.
    """
    root, params = settings.root, load_params(settings.root / "params.yaml")
    with (
        only_retrain(settings.var, "ci retrain"),
        tempfile.TemporaryDirectory(prefix="shoprec-base-", ignore_cleanup_errors=True) as folder,
    ):
        commit, into = head_commit(root), Path(folder) / "base"
        base = recorded_base(root, ref, into, on_line)
        learned = learn(settings, newest_data, on_line)
        found = compare(settings, params, base, commit, learned)
        if found.paired is None and retrain_base:
            found = compare(settings, params, retrained_base(root, base, into, on_line), commit, learned)
        return found
