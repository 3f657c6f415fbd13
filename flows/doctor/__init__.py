"""Whether this machine, this project and the servers that it uses are fit for a run: each looked at by itself.

Nothing is written but probe files, which are taken away again, and nobody is spoken to but who is configured.
"""

from collections.abc import Callable
from dataclasses import dataclass

from flows.doctor import data, machine, prefect_server, project
from flows.doctor.findings import Finding, guarded
from flows.settings import Settings

__all__ = ["Examination", "Finding", "examine"]


@dataclass(frozen=True)
class Examination:
    findings: tuple[Finding, ...]

    @property
    def is_fit(self) -> bool:
        return all(finding.outcome != "fail" for finding in self.findings)


CHECKS: dict[str, Callable[[Settings], list[Finding]]] = {
    "python": machine.python,
    "packages": machine.packages,
    "cores": machine.cores,
    "memory": machine.memory,
    "disk": machine.disk,
    "write access": machine.write_access,
    "telemetry": machine.telemetry,
    "git": project.git,
    "params": project.params,
    "suites": project.suites,
    "pipeline": project.pipeline,
    "retrain": project.retrains,
    "leftovers": project.leftovers,
    "source": data.source,
    "remotes": data.remotes,
    "prefect": prefect_server.prefect,
}


def examine(settings: Settings) -> Examination:
    """All that can be told, the machine first; takes seconds, and `data.LIMIT_S` more for each that does not answer."""
    from flows.doctor.mlflow_server import mlflow  # takes seconds to import

    checks = CHECKS | {"mlflow": mlflow}
    return Examination(tuple(found for name, check in checks.items() for found in guarded(name, check, settings)))
