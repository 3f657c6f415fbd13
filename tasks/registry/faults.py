"""What goes wrong outside, in our words: what may pass is a TransientError, what is refused for good says by whom."""

import re
from collections.abc import Generator
from contextlib import contextmanager

from mlflow.exceptions import MlflowException
from sqlalchemy.exc import OperationalError

from tasks.errors import ShoprecError, TransientError

_MAY_PASS = ("TEMPORARILY_UNAVAILABLE", "INTERNAL_ERROR")
_NOT_ALLOWED = ("PERMISSION_DENIED", "UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED")


@contextmanager
def faults_of_mlflow(uri: str) -> Generator[None, None, None]:
    """A locked database or a server that does not answer may pass; what MLflow refuses for good does not."""
    try:
        yield
    except OperationalError as error:
        raise TransientError(f"the database of MLflow at {_shown(uri)} could not be used: {error.orig}") from error
    except MlflowException as error:
        if error.error_code in _NOT_ALLOWED:
            raise ShoprecError(
                f"MLflow at {_shown(uri)} does not allow it: {error.message}; set MLFLOW_TRACKING_USERNAME and"
                " MLFLOW_TRACKING_PASSWORD to those of somebody who may"
            ) from error
        if error.error_code not in _MAY_PASS:
            raise
        raise TransientError(f"MLflow at {_shown(uri)} could not be used: {error.message}") from error


def _shown(uri: str) -> str:
    return re.sub(r"(://[^:/@]*):[^@/]*@", r"\1:***@", uri)
