"""Faults of a shop's database: each says what to mend, shows no password, and leaves what landed before as it was."""

from pathlib import Path
from typing import Any

import pytest

from tasks.errors import DataContractError, ParamsError, TransientError
from tests.ingestion.databases import (
    COLUMNS,
    DAY,
    END,
    ORDERS,
    ROWS,
    VARIABLE,
    events_in,
    events_of,
    land,
    run_sql,
    source_of,
    start_landing,
)
from tests.postgres import PASSWORD, Postgres
from tests.waiting import wait_until


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (events_of("SELECT * FROM order"), ParamsError, r"refuses source\.sql\.tables\.events\[0\]\.query: .*syntax"),
        (events_of("SELECT * FROM ordres"), ParamsError, r'relation "ordres" does not exist'),
        (events_of("SELECT *, 1 / (id - 200) AS x FROM orders WHERE 1 / (id - 200) < 9"), ParamsError, "by zero"),
        (events_of("DELETE FROM orders RETURNING *"), ParamsError, "syntax error"),
        (events_of("SELECT * FROM orders; DROP TABLE orders"), ParamsError, "syntax error"),
        (
            events_of("SELECT *, timestamp '12024-01-01' AS channel FROM orders"),
            DataContractError,
            r"query gives a value that Python has no type for \(year 12024 is out of range\)",
        ),
        (events_of("SELECT *, nextval('ids') FROM orders"), ParamsError, "read-only transaction"),
        (
            events_of(columns=COLUMNS | {"quantity": "piece"}),
            DataContractError,
            r"query has no column 'piece' \(source\.sql\.tables\.events\[0\]\.columns\.quantity\); its columns are"
            r" \['id', 'customer', .*\]; is it 'pieces'\?",
        ),
        (events_of(columns=COLUMNS | {"quantty": "pieces"}), ParamsError, r"columns\.quantty.* is it 'quantity'"),
        (events_of(key=["idd"]), DataContractError, r"no column 'idd' \(source\.sql\.tables\.events\[0\]\.key\)"),
        (events_of("SELECT *, 1 AS id FROM orders"), DataContractError, "two columns 'id': name one of them otherwise"),
        (events_of("SELECT * FROM orders WHERE id < 0"), DataContractError, r"no events before 2024-01-31 00:00 UTC"),
        (
            events_of("SELECT sku || '?' AS pieces, customer, sku, receipt, paid, bought_at FROM orders"),
            DataContractError,
            r"events\[0\]\.query, column quantity, row 1: '.*\?' is no number",
        ),
        (
            events_of("SELECT *, '\\x01'::bytea AS channel FROM orders"),
            DataContractError,
            "bytes in its column 'channel'",
        ),
    ],
)
def test_a_fault_names_the_query_and_what_the_database_says(
    orders: str, tmp_path: Path, given: dict[str, Any], error: type[Exception], message: str
) -> None:
    run_sql(orders, "CREATE SEQUENCE ids")
    with pytest.raises(error, match=message) as caught:
        land(tmp_path, given, END)
    assert PASSWORD not in str(caught.value)
    assert not (tmp_path / "raw").exists()
    assert list(tmp_path.iterdir()) == []


def test_an_address_that_cannot_be_used_is_told_without_its_password(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = {
        f"postgresql://shop:{PASSWORD}@127.0.0.1:1/shop?sslpassword={PASSWORD}": (
            TransientError,
            "shop:\\*\\*\\*@127.0.0.1:1/shop could not be used",
        ),
        postgres.address("nowhere"): (TransientError, 'database "nowhere" does not exist'),
        postgres.address().replace(PASSWORD, f"{PASSWORD}x"): (TransientError, "authentication failed"),
        postgres.address(scheme="postgres"): (ParamsError, "there is no driver here for postgres://shop:\\*\\*\\*@"),
        f"shop:{PASSWORD}": (ParamsError, "what SHOPREC_SOURCE holds is no address"),
        f"postgresql://shop@host:{PASSWORD}/shop": (ParamsError, "is no address"),
        "sqlite:////nowhere/shop.db": (ParamsError, "the SQLite file /nowhere/shop.db, which does not exist"),
        "": (ParamsError, "SHOPREC_SOURCE, which source.sql.address_variable names, is not set"),
    }
    for address, (error, message) in wrong.items():
        monkeypatch.setenv(VARIABLE, address)
        with pytest.raises(error, match=message) as caught:
            land(tmp_path, events_of(), END)
        shown: BaseException | None = caught.value
        while shown is not None:
            assert PASSWORD not in repr(shown)
            shown = shown.__cause__
    assert list(tmp_path.iterdir()) == []


def test_the_password_is_nowhere_in_what_lands(orders: str, tmp_path: Path) -> None:
    land(tmp_path, events_of(), END)
    assert PASSWORD in orders
    for path in (tmp_path / "raw").iterdir():
        assert PASSWORD.encode() not in path.read_bytes()


def test_an_address_in_the_params_is_refused_and_not_repeated(tmp_path: Path) -> None:
    source = source_of(events_of(), END, address_variable=f"postgresql://shop:{PASSWORD}@host/shop")
    process = start_landing(tmp_path, events_of(), END, "", address_variable=source["sql"]["address_variable"])
    _, told = process.communicate()
    assert process.returncode == 4
    assert "put the database's address into the environment" in told
    assert PASSWORD not in told


SLOW = f"{ORDERS} WHERE pg_sleep(0.003) IS NOT NULL"


def wait_for_chunks(root: Path) -> None:
    """Until some of the database's rows lie on disk, while more are to come."""
    third = root / ".raw.landing" / "reading" / "0" / "00000002.parquet"
    wait_until(third.exists)


def test_killed_in_the_middle_the_old_data_and_watermark_stay_and_the_next_run_lands_all(
    orders: str, tmp_path: Path
) -> None:
    slow = events_of(SLOW)
    land(tmp_path, slow, END - 20 * DAY)
    before = {path.name: path.read_bytes() for path in (tmp_path / "raw").iterdir()}
    process = start_landing(tmp_path, slow, END, orders, chunk_rows=100)
    wait_for_chunks(tmp_path)
    process.kill()
    process.communicate()
    assert {path.name: path.read_bytes() for path in (tmp_path / "raw").iterdir()} == before
    land(tmp_path, slow, END)
    assert len(events_in(tmp_path)) == ROWS
    assert sorted(path.name for path in tmp_path.iterdir()) == ["params.yaml", "raw"]


def test_a_connection_cut_in_the_middle_may_pass(orders: str, tmp_path: Path, postgres: Postgres) -> None:
    process = start_landing(tmp_path, events_of(SLOW), END, orders, chunk_rows=100)
    wait_for_chunks(tmp_path)
    postgres.restart()
    _, told = process.communicate()
    assert process.returncode == 5, told
    assert "could not be used (source.sql.tables.events[0].query): " in told
    assert PASSWORD not in told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["params.yaml"]
    land(tmp_path, events_of(), END)
    assert len(events_in(tmp_path)) == ROWS
