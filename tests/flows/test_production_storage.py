"""Everything on real PostgreSQL and S3, as in production: MLflow, Prefect, the ledger, DVC's remote, artifacts.

Credentials are in the environment and nowhere else.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
import sqlalchemy as sa

from flows.events import DATA_UPDATED
from tests.flows.conftest import real_project
from tests.flows.mlflow_server import free_port
from tests.flows.unattended import Unattended, unattended, until, with_deployments
from tests.postgres import PASSWORD, Postgres

KEY, SECRET = "AKIATESTOFSHOPREC77", "s3-secret-of-the-test-41d8"
BUCKET = "shop"


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of a server that speaks S3."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _answers(address), "the S3 server answers")
        yield address
    finally:
        server.terminate()
        server.wait(timeout=30)


@pytest.fixture(scope="module")
def shop(
    tmp_path_factory: pytest.TempPathFactory, exports: Path, postgres: Postgres, s3: str
) -> Iterator[tuple[Unattended, Any]]:
    """After one retrain, which new data started; and the S3 server's client."""
    root = with_deployments(real_project(tmp_path_factory.mktemp("storage"), exports))
    remote = f"    url = s3://{BUCKET}/dvc\n    endpointurl = {s3}\n"
    config = (root / ".dvc" / "config").read_text(encoding="utf-8").replace("    url = ../var/dvc-remote\n", remote)
    (root / ".dvc" / "config").write_text(config, encoding="utf-8")
    client = boto3.client("s3", endpoint_url=s3, aws_access_key_id=KEY, aws_secret_access_key=SECRET)
    client.create_bucket(Bucket=BUCKET)
    prefect = postgres.new_database("prefect").replace("postgresql://", "postgresql+asyncpg://")
    env = {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "MLFLOW_S3_ENDPOINT_URL": s3,
        "MLFLOW_BACKEND_STORE_URI": postgres.new_database("mlflow"),
        "MLFLOW_ARTIFACTS_DESTINATION": f"s3://{BUCKET}/mlflow",
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": prefect,
        "SHOPREC_LEDGER": postgres.new_database("ledger"),
    }
    with unattended(root, **env) as shop:
        shop.happens(DATA_UPDATED)
        until(lambda: any("Running" in run["state_name"] for run in shop.runs("retrain")), "the retrain runs")
        postgres.restart()  # in mid-run, with every connection cut
        done = shop.newest("retrain", after=0, seconds=600)
        assert done["state_name"] == "Completed", done["state"]["message"]
        yield shop, client


def test_a_retrain_ends_with_a_champion_though_postgresql_was_restarted_in_mid_run(
    shop: tuple[Unattended, Any],
) -> None:
    unattended, _ = shop
    assert "version 1 is in production" in unattended.shoprec("history")


def test_what_was_learned_and_made_is_on_s3(shop: tuple[Unattended, Any]) -> None:
    keys = objects(shop[1])
    assert [key for key in keys if key.endswith("MLmodel")]
    assert [key for key in keys if key.startswith("dvc/files/md5/")]
    assert not (shop[0].root / "var" / "mlartifacts").exists()
    assert not (shop[0].root / "var" / "dvc-remote").exists()


def test_what_serves_there_is_what_was_made(shop: tuple[Unattended, Any]) -> None:
    shop[0].shoprec("verify")
    assert "shopper c001" in shop[0].shoprec("recommend", "--user", "c001")


def test_no_credential_is_in_a_file_an_artifact_a_log_or_a_database(
    shop: tuple[Unattended, Any], postgres: Postgres
) -> None:
    unattended, client = shop
    secrets = [secret.encode() for secret in (SECRET, PASSWORD, KEY)]
    found = [
        str(path.relative_to(unattended.root))
        for path in unattended.root.rglob("*")
        if path.is_file() and any(secret in path.read_bytes() for secret in secrets)
    ]
    found += [key for key, content in objects(client).items() if any(secret in content for secret in secrets)]
    for database in ("prefect", "mlflow", "ledger"):
        dump = subprocess.run(
            ["pg_dump", "--inserts", postgres.address(database)], capture_output=True, check=True
        ).stdout
        assert len(dump) > 1000
        found += [database for secret in secrets if secret in dump]
    assert found == []


def test_the_ledger_is_in_postgresql(shop: tuple[Unattended, Any], postgres: Postgres) -> None:
    engine = sa.create_engine(postgres.address("ledger"))
    names = sa.inspect(engine).get_table_names()
    assert names
    with engine.connect() as connection:
        assert [connection.execute(sa.text(f'SELECT count(*) FROM "{name}"')).scalar() for name in names] >= [2]
    engine.dispose()
    assert not (shop[0].root / "var" / "ledger.db").exists()


def objects(client: Any) -> dict[str, bytes]:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    keys = [one["Key"] for page in pages for one in page.get("Contents", [])]
    return {key: client.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}


def _answers(address: str) -> bool:
    try:
        return httpx.get(address).status_code < 500
    except httpx.TransportError:
        return False
