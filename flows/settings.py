"""Defaults of the environment. What is set already wins, so a shop points at its own servers by the usual variables."""

import getpass
import os
from dataclasses import dataclass
from pathlib import Path

from flows.operations.services import server_of
from tasks.errors import ShoprecError
from tasks.stage import processes

QUIET = {
    "DO_NOT_TRACK": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DVC_NO_ANALYTICS": "true",
    "GX_ANALYTICS_ENABLED": "false",
}
"""No package reports to anybody."""

_LOG = "PREFECT_LOGGING_FORMATTERS_STANDARD_"
BEHAVIOUR = {
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "GIT_PYTHON_REFRESH": "quiet",
    _LOG + "FLOW_RUN_FMT": "%(asctime)s │ %(flow_name)-10s │ %(message)s",
    _LOG + "TASK_RUN_FMT": "%(asctime)s │ %(task_run_name)-10s │ %(message)s",
}
"""Waits that a busy machine needs, or that nobody wants; and what a person watches while a run goes on."""


@dataclass(frozen=True)
class Settings:
    root: Path
    """The project's folder, absolute."""
    tracking_uri: str
    artifacts: Path | None
    """Where runs put their files; None: the tracking server decides. A database by itself has no place for them."""
    ledger: str
    """Address of the database that keeps every change of stage: `SHOPREC_LEDGER`, as SQLAlchemy writes it."""
    publications: str
    """Address of the database that gets the recommendations: `SHOPREC_PUBLICATIONS`, written likewise."""

    @property
    def var(self) -> Path:
        """All that the outside world keeps on this machine: databases, artifacts, DVC's remote."""
        return self.root / "var"

    @property
    def reports(self) -> Path:
        return self.root / "reports"


def apply_settings(root: Path) -> Settings:
    """Sets what is not set. Call it before prefect or mlflow is imported: they read the environment then.

    Makes the folder var/, and raises ShoprecError where it cannot be made.
    """
    settings = read_settings(root)
    processes()  # refused here, and not after an hour
    try:
        settings.var.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ShoprecError(
            f"the folder {settings.var} cannot be made ({error.strerror}): see that its disk can be written, and that"
            " no file stands in its place"
        ) from error
    return settings


def read_settings(root: Path) -> Settings:
    """As `apply_settings`, without making anything."""
    root = root.resolve()
    with_its_own = os.environ.get("PREFECT_API_URL") == ""  # whoever says so has a reason
    for name in ("PREFECT_API_URL", "MLFLOW_TRACKING_URI"):
        if os.environ.get(name) == "":  # as CI gives a secret that nobody set
            del os.environ[name]  # an empty one would be taken for an address
    own = {"PREFECT_HOME": str(root / "var" / "prefect"), "MLFLOW_TRACKING_URI": _tracking_uri(root)}
    for name, value in (QUIET | BEHAVIOUR | own).items():
        os.environ.setdefault(name, value)
    if not with_its_own and (api := server_of(root / "var")):
        os.environ.setdefault("PREFECT_API_URL", api)
    uri = os.environ["MLFLOW_TRACKING_URI"]
    served = uri.startswith(("http://", "https://"))
    ledger = os.environ.get("SHOPREC_LEDGER") or f"sqlite:///{root / 'var' / 'ledger.db'}"
    publications = os.environ.get("SHOPREC_PUBLICATIONS") or f"sqlite:///{root / 'var' / 'publications.db'}"
    return Settings(root, uri, None if served else root / "var" / "mlartifacts", ledger, publications)


def who() -> str:
    """Who gives a command, for the ledger: `SHOPREC_WHO`, or else the name of the system's user."""
    try:
        return os.environ.get("SHOPREC_WHO") or getpass.getuser()
    except KeyError:  # a container may run as a number without a name
        return f"user {os.getuid()}"


def local_database(root: Path) -> str:
    """Of MLflow, where nothing else is configured."""
    return f"sqlite:///{root / 'var' / 'mlflow.db'}"


def mlflow_port() -> str:
    """Where MLflow's server listens on this machine, if one is started here."""
    return os.environ.get("MLFLOW_PORT", "5000")


def _tracking_uri(root: Path) -> str:
    """A server that has its data elsewhere than in files of the project is the only one who knows them."""
    if os.environ.get("MLFLOW_BACKEND_STORE_URI"):
        return f"http://127.0.0.1:{mlflow_port()}"
    return local_database(root)
