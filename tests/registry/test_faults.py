"""What goes wrong with MLflow, its database and its files is told in our words, as what may pass or what may not."""

import errno
import os
import sqlite3
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException, RestException
from mlflow.protos.databricks_pb2 import (
    ENDPOINT_NOT_FOUND,
    INVALID_PARAMETER_VALUE,
    PERMISSION_DENIED,
    REQUEST_LIMIT_EXCEEDED,
    RESOURCE_DOES_NOT_EXIST,
    TEMPORARILY_UNAVAILABLE,
)
from requests import ConnectionError as NoConnection
from requests import HTTPError, Response
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DatabaseError, OperationalError

from tasks.errors import ShoprecError, TransientError
from tasks.registry.exclusive import _advisory_lock  # pyright: ignore[reportPrivateUsage]
from tasks.registry.faults import faults_of_mlflow
from tasks.registry.registry import Registry

URI = "http://ann:secret@mlflow.example"


def answered(status: int) -> HTTPError:
    response = Response()
    response.status_code = status
    return HTTPError(f"{status} for url", response=response)


def of_files(code: int) -> OSError:
    return OSError(code, os.strerror(code), "/store/model.txt")


MAY_PASS = {
    "a locked database": (OperationalError("SELECT", {}, Exception("database is locked")), "database is locked"),
    "a server that is away": (MlflowException("no route"), "no route"),
    "a server whose database is locked": (
        RestException({"error_code": "TEMPORARILY_UNAVAILABLE", "message": "locked\n[SQL: SELECT 1]"}),
        "locked; see",
    ),
    "a busy server": (MlflowException("slow down", REQUEST_LIMIT_EXCEEDED), "slow down"),
    "an upload without an answer": (NoConnection("reset"), "reset"),
    "an upload that failed at the server": (answered(502), "502"),
    "a share that is gone": (of_files(errno.ESTALE), "/store/model.txt"),
    "a disk that failed once": (of_files(errno.EIO), "/store/model.txt"),
    "a connection that broke": (ConnectionResetError("reset by peer"), "reset by peer"),
}
FOR_GOOD = {
    "a disk that may only be read": (
        of_files(errno.EROFS),
        "/store/model.txt'; see that its disk is mounted, writable",
    ),
    "a folder of somebody else": (of_files(errno.EACCES), "/store/model.txt"),
    "a full disk": (of_files(errno.ENOSPC), "No space left on device: '/store/model.txt'"),
    "an upload that is refused": (answered(403), "see that you may write there"),
    "a database that is none": (DatabaseError("SELECT", {}, Exception("file is not a database")), "not a database"),
    "a server that is no MLflow": (MlflowException("404", ENDPOINT_NOT_FOUND), "names the right server"),
    "a run that was deleted": (MlflowException("no run x", RESOURCE_DOES_NOT_EXIST), "refused: no run x"),
    "an address of no kind": (MlflowException("no store for x://", INVALID_PARAMETER_VALUE), "no store for x://"),
    "who may not": (MlflowException("no", PERMISSION_DENIED), "MLFLOW_TRACKING_PASSWORD"),
}


@pytest.mark.parametrize("what", MAY_PASS)
def test_what_may_pass_is_tried_again(what: str) -> None:
    error, words = MAY_PASS[what]
    with pytest.raises(TransientError) as told, faults_of_mlflow(URI):
        raise error
    assert words in str(told.value)
    assert "http://ann:***@mlflow.example" in str(told.value)
    assert "then run again" in str(told.value)
    assert "SQL" not in str(told.value)


@pytest.mark.parametrize("what", FOR_GOOD)
def test_what_no_waiting_mends_is_not(what: str) -> None:
    error, words = FOR_GOOD[what]
    with pytest.raises(ShoprecError) as told, faults_of_mlflow(URI):
        raise error
    assert not isinstance(told.value, TransientError)
    assert words in str(told.value)
    assert "secret" not in str(told.value)


def test_a_fault_of_the_database_within_mlflow_is_one_of_the_database() -> None:
    cause = OperationalError("SELECT", {}, Exception("database is locked"))
    told = pytest.raises(TransientError, match="the database of MLflow at .* could not be used: database is locked;")
    with told, faults_of_mlflow("sqlite:///x.db"):
        raise MlflowException(message=str(cause), error_code=TEMPORARILY_UNAVAILABLE) from cause


def test_our_own_errors_pass_as_they_are() -> None:
    with pytest.raises(TransientError, match="^ours$"), faults_of_mlflow(URI):
        raise TransientError("ours")


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("no database at all, but a text that is long enough for its header" * 20)
    with pytest.raises(ShoprecError, match="mlflow.db refused: file is not a database; see that MLFLOW_TRACKING_URI"):
        Registry(f"sqlite:///{tmp_path / 'mlflow.db'}")


def sqlite_with(**functions: tuple[int, str | int]) -> Engine:
    """With functions of PostgreSQL by their names: how many arguments each takes, and what it always gives."""
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        assert isinstance(raw, sqlite3.Connection)
        for name, (arguments, gives) in functions.items():
            raw.create_function(name, arguments, lambda *_, gives=gives: gives)
    return engine


def test_the_lock_of_a_ledger_whose_database_goes_away_is_a_transient_fault() -> None:
    """As PostgreSQL's would be, whose functions are missing here from the second on."""
    engine = sqlite_with(set_config=(3, ""))
    told = pytest.raises(TransientError, match="the database of the ledger at .* could not be used: no such function")
    with told, _advisory_lock(engine, "ann", ShoprecError, wait_s=0):
        pass


def test_a_fault_in_what_is_done_under_that_lock_is_not_taken_for_one_of_the_ledger() -> None:
    engine = sqlite_with(set_config=(3, ""), pg_try_advisory_lock=(2, 1))
    of_mlflow = OperationalError("SELECT", {}, Exception("MLflow's own"))
    with pytest.raises(OperationalError), _advisory_lock(engine, "ann", ShoprecError, wait_s=0):
        raise of_mlflow
