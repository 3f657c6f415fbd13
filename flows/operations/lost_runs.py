"""Runs that Prefect takes for being at work, and whose process is gone: after a restart of the machine, or `kill -9`.

Prefect tells a crash by heartbeats that stop while its server runs; those of before it started are not looked at again,
and such a run would keep its deployment's slot for ever.
"""

import psutil

from flows.operations.prefect_states import AT_WORK
from flows.prefect_api import ask
from tasks.versioning.process import OnLine

_RUN_ID = "PREFECT__FLOW_RUN_ID"
"""Environment variable of every process of a run."""


def end_lost_runs(api: str, tell: OnLine) -> None:
    """Marks them as crashed. To be called where all runs of the server are of this machine, before a worker starts."""
    asked = {"flow_runs": {"state": {"type": {"any_": list(AT_WORK)}}}}
    at_work = ask(api, "POST", "/flow_runs/filter", asked)
    alive = _runs_with_a_process() if at_work else set[str]()
    for run in at_work:
        if run["id"] not in alive:
            state = {"type": "CRASHED", "name": "Crashed", "message": "its process was gone when the worker started"}
            ask(api, "POST", f"/flow_runs/{run['id']}/set_state", {"state": state, "force": True})
            tell(f"run {run['name']} was lost with its process: it counts as crashed now")


def _runs_with_a_process() -> set[str]:
    found = set[str]()
    for process in psutil.process_iter():
        try:
            if run := process.environ().get(_RUN_ID):
                found.add(run)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found
