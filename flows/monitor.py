"""Monitor: is the shop still the one that the champion learned, and does the champion still do what it promised?

Fetches and validates as a refresh does, and learns nothing. What it finds goes into a history, on a page, into Prefect,
and, where something is out of its band, out as the event `shoprec.drift.detected`.
"""

from pathlib import Path

from prefect import flow
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact
from prefect.runtime import flow_run

from flows import steps
from flows.champion import find_champion
from flows.monitoring.look import Outcome, draw_page, find_learned, history_of, known_digest, take_look, tell
from flows.one_at_a_time import only_retrain
from flows.parameters import Reason, WaitMinutes
from flows.refreshing import STAGES
from flows.retrain import run_stage, say, seen, step
from flows.settings import Settings, apply_settings
from tasks.monitoring.look import in_words, rows_of
from tasks.params import load_params
from tasks.versioning import prepare


@flow(name="monitor", flow_run_name="monitor: {reason}", validate_parameters=True)
def monitor(root: Path = Path(), reason: Reason = "asked for", wait_minutes: WaitMinutes = 0) -> Outcome:
    """Looks at what serves in the project in `root`. An alarm is an outcome, and no error.

    Raises DataContractError, with everything that is wrong, where the data breaks its contract.
    """
    settings = apply_settings(root)
    with only_retrain(settings.var, f"monitor: {reason}", wait_minutes):
        outcome = _monitor(settings, flow_run.get_name() or "a look")
    _publish(outcome)
    return outcome


def _monitor(settings: Settings, who: str) -> Outcome:
    root, params = settings.root, load_params(settings.root / "params.yaml")
    prepare(root)
    registry = step("registry", steps.open_registry)(settings)
    champion = step("champion", find_champion)(settings, registry, params, who)
    learned = step("learned", find_learned)(registry, champion)
    runs = [seen(step("fetch", steps.fetch)(root, say))]
    runs += [seen(run_stage(settings, stage)) for stage in STAGES]
    digest, history = known_digest(settings, learned, params.monitoring), history_of(settings)
    look = history.look(digest)
    is_new = look is None
    if look is None:
        look = step("look", take_look)(settings, registry, champion, learned, params, say)
        step("history", history.add)(digest, look)
    told = step("tell", tell)(settings, digest, look)
    page = step("page", draw_page)(settings)
    return Outcome(look, is_new, told, page, tuple(runs))


def _publish(outcome: Outcome) -> None:
    """What a person sees of this look in Prefect."""
    look = outcome.look
    parts = [f"## {'Alarm' if look.breaches else 'No alarm'}", in_words(look)]
    if not outcome.is_new:
        parts.append("Nothing new: the same ranker was looked at before, on this very data.")
    create_markdown_artifact("\n\n".join(parts), key="monitor-summary", description="What this look found")
    create_table_artifact(rows_of(look), key="monitor-measures", description="Every measure with its band")
    create_link_artifact(outcome.page.as_uri(), link_text="monitoring", key="monitoring")
