"""Rows of a Parquet file into a table, as fast as each of the two databases takes them, a row group at a time."""

from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv
from sqlalchemy import Table
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError


def load(connection: Connection, table: Table, publication: int, file: Path) -> None:
    """In the transaction of `connection`; columns that the table does not have are left out."""
    names = [column.name for column in table.c if column.name != "publication_id"]
    with pq.ParquetFile(file) as reader:
        for group in range(reader.num_row_groups):
            rows = reader.read_row_group(group, names).select(names)
            first = pa.repeat(pa.scalar(publication, pa.int32()), len(rows))
            rows = rows.add_column(0, "publication_id", first)
            if connection.dialect.name == "postgresql":
                _copy(connection, table, rows)
            else:
                _insert(connection, table, rows)


def _insert(connection: Connection, table: Table, rows: pa.Table) -> None:
    places = ", ".join("?" * rows.num_columns)
    columns = (column.to_pylist() for column in rows.columns)
    names = ", ".join(rows.column_names)
    statement = f"INSERT INTO {table.name} ({names}) VALUES ({places})"
    connection.exec_driver_sql(statement, list(zip(*columns, strict=True)))


def _copy(connection: Connection, table: Table, rows: pa.Table) -> None:
    content = BytesIO()
    csv.write_csv(rows, content, csv.WriteOptions(include_header=False, quoting_style="all_valid"))
    content.seek(0)
    statement = f"COPY {table.name} ({', '.join(rows.column_names)}) FROM STDIN WITH (FORMAT csv)"
    driver, dbapi = connection.connection.driver_connection, connection.dialect.loaded_dbapi
    assert driver is not None
    try:
        with driver.cursor() as cursor:
            cursor.copy_expert(statement, content)
    except dbapi.Error as error:  # of the driver, past SQLAlchemy
        raise DBAPIError.instance(statement, None, error, dbapi.Error) from error
