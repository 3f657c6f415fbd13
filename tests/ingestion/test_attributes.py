"""Columns that the contract does not name: what their files hold, as it is meant."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tasks.evaluation.evidence import EVENTS, TENURE_DAYS
from tasks.evaluation.slices import user_groups
from tasks.ingestion.sources import fetch
from tasks.ingestion.storage import write_tables
from tasks.ingestion.valid import Valid
from tasks.params.evaluation import EvaluationParams
from tasks.params.source import SourceParams
from tests.ingestion.conftest import SHOP


def users_of(root: Path, **table: Any) -> pd.DataFrame:
    """The users table of the exports in `root / "users"`."""
    (root / "log.csv").write_text("user_id,item_id,event_type,timestamp\n1,10,view,2024-01-05T10:00Z\n")
    events = {"path": "log.csv"}
    tables = {"events": events, "users": {"path": "users"} | table}
    return fetch(SourceParams.model_validate({"adapter": "files", "tables": tables}), SHOP, root)["users"]


def ids(file: int, values: Sequence[Any]) -> range:
    """Users of a later file come later in the table."""
    return range(100 * file, 100 * file + len(values))


def csv(root: Path, file: int, *values: str, separator: str = ",") -> None:
    """Users with the attribute `a`."""
    lines = [f"{user}{separator}{value}" for user, value in zip(ids(file, values), values, strict=True)]
    (root / "users").mkdir(exist_ok=True)
    (root / "users" / f"{file}.csv").write_text("\n".join([f"user_id{separator}a", *lines]) + "\n")


def parquet(root: Path, file: int, values: list[Any]) -> None:
    (root / "users").mkdir(exist_ok=True)
    pd.DataFrame({"user_id": ids(file, values), "a": values}).to_parquet(root / "users" / f"{file}.parquet")


@pytest.mark.parametrize(
    ("values", "kind", "read"),
    [
        (("37", "-5", "0"), "int64", [37, -5, 0]),
        (("37", "", "41"), "Int64", [37, None, 41]),
        ((" 37 ", "41"), "int64", [37, 41]),
        (("1.5", "2", "-0.25"), "float64", [1.5, 2.0, -0.25]),
        (("1.5", "", "2"), "float64", [1.5, None, 2.0]),
        (("999999999999999999", ""), "Int64", [999999999999999999, None]),
    ],
)
def test_what_is_written_as_numbers_is_numbers_and_gaps_stay(tmp_path, values, kind, read):
    csv(tmp_path, 1, *values)
    found = users_of(tmp_path)["a"]
    assert str(found.dtype) == kind
    assert [None if pd.isna(value) else value for value in found] == read


@pytest.mark.parametrize(
    "odd",
    ["007", "00", "1e3", "+5", "1,000", ".5", "5.", "30-39", "unknown", "NA", "inf", "0x1F", "1_000", "٣", "9" * 19],
)
def test_one_value_that_is_no_plain_number_makes_all_texts(tmp_path, odd):
    csv(tmp_path, 1, "37", odd, separator=";")
    assert users_of(tmp_path, separator=";")["a"].tolist() == ["37", odd]


def test_a_column_of_gaps_stays_one(tmp_path):
    csv(tmp_path, 1, "", "")
    found = users_of(tmp_path)["a"]
    assert found.isna().all() and str(found.dtype) == "str"


def test_the_decimal_sign_is_the_tables(tmp_path):
    csv(tmp_path, 1, "1,5", "2", separator=";")
    assert users_of(tmp_path, separator=";", decimal=",")["a"].tolist() == [1.5, 2.0]
    csv(tmp_path, 1, "1.5", "2", separator=";")
    assert users_of(tmp_path, separator=";", decimal=",")["a"].tolist() == ["1.5", "2"]


def test_all_files_of_a_table_say_together_what_it_is(tmp_path):
    csv(tmp_path, 1, "37", "41")
    csv(tmp_path, 2, "", "")
    csv(tmp_path, 3, "1.5")
    assert users_of(tmp_path)["a"].dropna().tolist() == [37.0, 41.0, 1.5]
    csv(tmp_path, 3, "a secret")
    assert users_of(tmp_path)["a"].dropna().tolist() == ["37", "41", "a secret"]


def test_a_file_may_lack_the_column(tmp_path):
    csv(tmp_path, 1, "37")
    (tmp_path / "users" / "2.csv").write_text("user_id,b\n200,5\n")
    users = users_of(tmp_path)
    assert users["a"].tolist()[0] == 37 and users["b"].tolist()[1] == 5


@pytest.mark.parametrize(
    ("typed", "written", "read"),
    [
        ([37, 38], "41", [37, 38, 41]),
        ([37, 38], "old", ["37", "38", "old"]),
        ([1.5, 2.5], "41", [1.5, 2.5, 41.0]),
        ([True, False], "1", ["True", "False", "1"]),
        (["37", "38"], "41", ["37", "38", "41"]),
        ([None, None], "41", [41]),
    ],
)
def test_parquet_and_csv_of_one_table_agree(tmp_path, typed, written, read):
    parquet(tmp_path, 1, typed)
    csv(tmp_path, 2, written)
    assert users_of(tmp_path)["a"].dropna().tolist() == read


def test_a_parquet_files_types_are_meant(tmp_path):
    """A postcode that was stored as text on purpose is none to calculate with."""
    parquet(tmp_path, 1, ["10115", "20095"])
    assert users_of(tmp_path)["a"].tolist() == ["10115", "20095"]
    parquet(tmp_path, 1, [True, False])
    assert users_of(tmp_path)["a"].dtype == "bool"


def test_an_attribute_may_have_the_name_of_another_tables_column(tmp_path):
    """`value` is money in events, and a segment of this shop's customers."""
    csv(tmp_path, 1, "high", "low")
    users = users_of(tmp_path, columns={"value": "a"})
    assert users["value"].tolist() == ["high", "low"]


def test_ages_in_a_csv_slice_shoppers_into_groups_by_quantile(tmp_path, events):
    """From the export to what evaluation cuts by: ages from 21 to 59; one shopper told none, and ten with events
    are not in the table."""
    csv(tmp_path, 1, *(str(20 + n) if n else "" for n in range(40)))
    write_tables({"events": events, "users": users_of(tmp_path, columns={"age": "a"})}, tmp_path)
    users = Valid.read(tmp_path).users.assign(**{EVENTS: 5, TENURE_DAYS: 5})
    groups = user_groups(users.set_index("user_id"), EvaluationParams(activity_groups=2))
    assert list(groups["age"].cat.categories) == ["21 to 40", "41 to 59", "unknown"]
    assert groups["age"].value_counts().to_dict() == {"21 to 40": 20, "41 to 59": 19, "unknown": 11}
