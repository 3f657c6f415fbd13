"""Batch publication: what serves, asked for the lists of all active shoppers; checked, then shown to readers at once.

`shoprec publish` runs it, and so do its deployments. Nothing is learned, and no stage is moved.
"""

from pathlib import Path

from prefect import flow
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.runtime import flow_run

from flows.parameters import Reason, WaitMinutes
from flows.production import open_registry
from flows.publication.lists import check_all, make_lists
from flows.publication.plan import Plan, plan_publication
from flows.publication.published import Publication, rows, summary
from flows.publication.publishing import only_publication, show_to_readers
from flows.retrain import say, step
from flows.settings import Settings, apply_settings
from tasks.errors import BrokenCheckError, DataContractError
from tasks.params import Params, load_params


@flow(name="recommend", flow_run_name="recommend: {reason}", validate_parameters=True)
def recommend(
    root: Path = Path(), reason: Reason = "asked for", again: bool = False, wait_minutes: WaitMinutes = 0
) -> Publication:
    """Publishes the lists of the champion of the project in `root`; `again`: also where nothing is new.
    `wait_minutes`: for another publication of the project to end.

    Raises DataContractError, with everything that is wrong, where they break expectations/recommendations.json.
    Whatever goes wrong, readers go on reading what they read before.
    """
    settings = apply_settings(root)
    params = load_params(settings.root / "params.yaml")
    with only_publication(settings, f"recommend: {reason}", wait_minutes) as scratch:
        found = _recommend(settings, params, scratch, reason, again)
    create_markdown_artifact(summary(found), key="publication-summary", description="What readers read now")
    if found.is_new:
        create_table_artifact(rows(found), key="publication-lists", description="The lists of each task")
    return found


def _recommend(settings: Settings, params: Params, scratch: Path, reason: str, again: bool) -> Publication:
    registry = step("registry", open_registry)(settings)
    plan = step("champion", plan_publication)(settings, registry, params, scratch, again)
    if not isinstance(plan, Plan):
        return plan
    lists = step("lists", make_lists)(plan, say)
    try:
        step("check", check_all)(plan, lists)
    except (DataContractError, BrokenCheckError) as error:
        create_markdown_artifact(f"## Nothing was published\n\n```\n{error}\n```", key="publication-stopped")
        raise
    who = flow_run.get_name() or "a publication"
    return step("publish", show_to_readers)(settings, registry, plan, lists, who, reason)
