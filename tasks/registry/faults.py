"""What goes wrong outside, in our words: what may pass is a TransientError, what is refused for good says by whom."""

import errno
from collections.abc import Generator
from contextlib import contextmanager

from mlflow.exceptions import MlflowException
from requests import RequestException
from sqlalchemy.exc import DBAPIError, OperationalError

from tasks.addresses import without_password
from tasks.errors import ShoprecError, TransientError

_MAY_PASS = ("TEMPORARILY_UNAVAILABLE", "INTERNAL_ERROR", "REQUEST_LIMIT_EXCEEDED", "DEADLINE_EXCEEDED")
_NOT_ALLOWED = ("PERMISSION_DENIED", "UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED")
_FILES_MAY_COME_BACK = {
    errno.EAGAIN,
    errno.EBUSY,
    errno.EINTR,
    errno.EIO,
    errno.ENETUNREACH,
    errno.ENOTCONN,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.ESTALE,
    errno.ETIMEDOUT,
}
"""Errors of a share that another machine lends."""
_AGAIN = "then run again: what was begun is brought to its end, and what serves was left whole"
_WHOSE_DATABASE = f"see that no other program holds it and that its disk can be written, {_AGAIN}"


@contextmanager
def faults_of_mlflow(uri: str) -> Generator[None, None, None]:
    """A locked database or a server that does not answer may pass; what MLflow refuses for good does not.

    Nor does an artifact store that cannot be written.
    """
    try:
        yield
    except DBAPIError as error:
        raise _of_database(uri, error) from error
    except MlflowException as error:
        raise _of_mlflow(uri, error) from error
    except RequestException as error:  # an OSError, too
        raise _of_transfer(uri, error) from error
    except OSError as error:
        raise _of_files(uri, error) from error


def _of_database(uri: str, error: DBAPIError) -> ShoprecError:
    where = f"the database of MLflow at {without_password(uri)}"
    if isinstance(error, OperationalError):
        return TransientError(f"{where} could not be used: {error.orig}; {_WHOSE_DATABASE}")
    return ShoprecError(f"{where} refused: {error.orig}; see that MLFLOW_TRACKING_URI names the right one")


def _of_mlflow(uri: str, error: MlflowException) -> ShoprecError:
    if isinstance(error.__cause__, DBAPIError):
        return _of_database(uri, error.__cause__)
    where, said = f"MLflow at {without_password(uri)}", _without_sql(error.message)
    if error.error_code in _NOT_ALLOWED:
        return ShoprecError(
            f"{where} does not allow it: {said}; set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD to those of"
            " somebody who may"
        )
    if error.error_code in _MAY_PASS:
        return TransientError(f"{where} could not be used: {said}; see that it runs and can write its files, {_AGAIN}")
    return ShoprecError(f"{where} refused: {said}; see that MLFLOW_TRACKING_URI names the right server")


def _of_transfer(uri: str, error: RequestException) -> ShoprecError:
    """Of an artifact, whose answers MLflow hands on as they are."""
    where = f"the artifact store of MLflow at {without_password(uri)}"
    if error.response is None or error.response.status_code >= 500:
        return TransientError(f"{where} could not be used: {error}; see that it can be reached, {_AGAIN}")
    return ShoprecError(f"{where} refused: {error}; see that you may write there")


def _of_files(uri: str, error: OSError) -> ShoprecError:
    said = f"a file of MLflow at {without_password(uri)} could not be read or written: {error}"
    if error.errno in _FILES_MAY_COME_BACK or isinstance(error, ConnectionError | TimeoutError):
        return TransientError(f"{said}; see that its disk can be reached, {_AGAIN}")
    return ShoprecError(
        f"{said}; see that its disk is mounted, writable and not full, that nothing stands in its place, {_AGAIN}"
    )


def _without_sql(message: str) -> str:
    """A server tells the whole statement."""
    return message.partition("\n[SQL:")[0]
