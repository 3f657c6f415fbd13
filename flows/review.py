"""The review as a flow, for the deployment that looks every few minutes whether somebody decided in MLflow's UI.

`shoprec review` calls the same function without Prefect; `python -m flows.review ROOT` runs the flow.
"""

import sys
from pathlib import Path

from prefect import flow
from prefect.logging import get_run_logger

from flows.retrain import step
from flows.reviewing import Reviewed, review_versions
from flows.settings import apply_settings
from tasks.registry.texts import visible


@flow(name="review", validate_parameters=True)
def review(root: Path = Path()) -> list[Reviewed]:
    """Carries out what reviewers asked for by tags of a version; see `flows.reviewing`."""
    found: list[Reviewed] = step("review", review_versions)(apply_settings(root))
    for one in found:
        get_run_logger().info("version %s: %s; %s", one.version, one.outcome, visible(one.told))
    return found


if __name__ == "__main__":
    review(Path(sys.argv[1]))
