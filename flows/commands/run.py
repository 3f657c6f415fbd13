"""`shoprec run`: the whole job."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.flow import call_flow, ready_for_a_flow
from flows.commands.terminal import AsJson, Root, console

if TYPE_CHECKING:
    from flows.settings import Settings
    from flows.steps import Outcome


def run(
    root: Root = Path(),
    reason: Annotated[str, typer.Option(help="Why, for those who look at the run later.")] = "by hand",
    as_json: AsJson = False,
) -> None:
    """Retrain: fetch, validate, learn, judge, register, and promote if the gate says so.

    A stage whose data, code and params are as they were is skipped. What was
    learned becomes a version in MLflow with all that it came from, and is
    judged against what serves: promoted, held for a person, or rejected.

    Exits with 0 where the job was done, whatever the gate decided; with 2 where
    the data breaks its contract, 3 where a check could not be carried out, 4
    where params.yaml is wrong, 130 after Ctrl-C, and 1 after any other fault.
    After each of these what serves is whole, and the next run goes on.

    What a program needs to know: shoprec run --json
    """
    settings = ready_for_a_flow(root)
    from flows.commands.summary import print_summary
    from flows.retrain import retrain

    outcome = call_flow(
        lambda: retrain(root=settings.root, reason=reason),
        "nothing was registered; the next run goes on with the stages that were finished",
    )
    if as_json:
        typer.echo(json.dumps(_for_programs(settings, outcome), indent=2))
    else:
        print_summary(console(), settings.reports, outcome)


def _for_programs(settings: "Settings", outcome: "Outcome") -> dict[str, object]:
    from flows.steps import EVALUATION, read_json

    return {
        "version": asdict(outcome.version),
        "is_new": outcome.is_new,
        "verdict": outcome.verdict.as_dict() if outcome.verdict else None,
        "stages": [asdict(run) for run in outcome.runs],
        "headline": read_json(settings.root / EVALUATION)["headline"],
        "metrics": read_json(settings.reports / "metrics.json"),
    }
