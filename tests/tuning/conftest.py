"""A small shop with four train folds, as the stages before the ranker leave it."""

from pathlib import Path

import pytest

from tests.shop import bought_in_sections, call, furnish


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Not to be changed."""
    from tasks.candidates.__main__ import main as candidates
    from tasks.features.__main__ import main as features

    root = furnish(tmp_path_factory.mktemp("tuning"), bought_in_sections(), folds={"train": 4})
    call(features, root, "valid", "features")
    call(candidates, root, "valid", "candidates")
    return root
