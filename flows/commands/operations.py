"""`shoprec up`, `down`, `status` and `deploy`: shoprec unattended."""

import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.commands.terminal import AsJson, Root, console
from flows.settings import apply_settings, read_settings
from tasks.errors import ShoprecError
from tasks.params import load_params
from tasks.registry.texts import visible
from tasks.versioning.process import OnLine

if TYPE_CHECKING:
    from flows.operations.standing import RunStanding, Standing

COLOURS = {"up": "green", "elsewhere": "green", "Completed": "green", "not started": "dim", "Cancelled": "yellow"}
_BAD = "bold red"
_LONGEST = 90


def up(root: Root = Path()) -> None:
    """Start MLflow, Prefect and a worker on this machine, and register the deployments.

    They go on in the background, and do what infra/prefect.yaml schedules:
    retrain, refresh, recommend, monitor, review. What runs already is left as
    it is, and infra/prefect.yaml and automations.yaml are registered again, so
    this is also how a change of them takes effect. A server that
    MLFLOW_TRACKING_URI or PREFECT_API_URL names elsewhere is used, and none
    started. Alerts go to the address in SHOPREC_ALERTS_URL.

    Other ports: MLFLOW_PORT=5001 PREFECT_PORT=4201 shoprec up
    """
    settings = apply_settings(root)
    load_params(settings.root / "params.yaml")
    from flows.operations.local import bring_up

    page = console()
    bring_up(settings, _teller(page))
    if settings.ledger.startswith("sqlite") and not (settings.var / "ledger.db").exists():
        page.print("nothing serves yet, and what needs a champion fails until one does: `make run` makes the first")
    page.print("`make status` shows what runs and what is next; `make down` ends these", style="dim")


def down(root: Root = Path()) -> None:
    """End the servers and the worker that `shoprec up` started, and no others.

    A run that is at work is ended with the worker; the next one goes on with
    the stages that were finished, and what serves is whole.
    """
    settings = read_settings(root)
    from flows.operations.local import take_down

    page = console()
    if take_down(settings, _teller(page)) == 0:
        page.print("nothing was up")


def deploy(root: Root = Path()) -> None:
    """Register infra/prefect.yaml and infra/automations.yaml at the server that PREFECT_API_URL names.

    Done again, it changes what differs. `shoprec up` does this too.
    """
    settings = read_settings(root)
    from flows.operations.registration import register

    api = os.environ.get("PREFECT_API_URL")
    if api is None:
        raise ShoprecError("PREFECT_API_URL is not set, and no server was started here: `make up` starts one")
    register(settings.root, api, _teller(console()))


def status(root: Root = Path(), as_json: AsJson = False) -> None:
    """Show what runs, what is scheduled next, what ran last and how it ended.

    Exits with 1 where a service is not up or Prefect cannot be asked.
    """
    settings = read_settings(root)
    from flows.operations.standing import look

    found = look(settings)
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
    else:
        _print(console(), found)
    if not found.is_well:
        raise typer.Exit(1)


def _teller(page: Console) -> OnLine:
    return lambda line: page.print(visible(line), markup=False, highlight=False, soft_wrap=True)


def _print(page: Console, found: "Standing") -> None:
    services = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("service", "", "since", "address"):
        services.add_column(heading, overflow="fold")
    for one in found.services:
        services.add_row(one.name, _coloured(one.state), _moment(one.since), one.address or "")
    page.print(services)
    if found.why_unknown:
        page.print(visible(found.why_unknown), markup=False, style="yellow", soft_wrap=True)
        return
    runs = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("deployment", "now", "next", "last", "how it ended"):
        runs.add_column(heading, overflow="fold")
    for one in found.deployments:
        following = "paused" if one.paused else _moment(one.next.at) if one.next else "when asked for"
        runs.add_row(one.name, _coloured(one.now.state if one.now else ""), following, *_last(one.last))
    page.print(runs)


def _last(run: "RunStanding | None") -> tuple[Text, Text]:
    if run is None:
        return Text("never", style="dim"), Text("")
    took = f" after {run.seconds:,.0f} s" if run.seconds else ""
    ended = _coloured(run.state).append(took, style="not bold default")
    if run.state != "Completed" and run.message:
        ended.append(f": {visible(' '.join(run.message.split()), _LONGEST)}", style="not bold default")
    return Text(_moment(run.at)), ended


def _coloured(state: str) -> Text:
    at_work = {"Running": "cyan", "Pending": "cyan", "": ""}
    return Text(state, style=COLOURS.get(state, at_work.get(state, _BAD)))


def _moment(at: str | None) -> str:
    """`26 Nov 03:00 UTC (in 2 days)`."""
    if at is None:
        return ""
    import humanize

    instant = datetime.fromisoformat(at).astimezone(UTC)
    return f"{instant:%d %b %H:%M} UTC ({humanize.naturaltime(datetime.now(UTC) - instant)})"
