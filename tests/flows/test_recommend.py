"""What `shoprec recommend` refuses, and why, before a model is asked."""

from pathlib import Path

import pandas as pd
import pytest

from flows.recommending import _ids, recommend_to, refuse_unwritable, users_in
from flows.settings import apply_settings
from tasks.errors import ShoprecError
from tests.registry.conftest import three_versions  # noqa: F401  # a fixture


def test_ids_are_those_of_the_shop_and_each_is_asked_for_once() -> None:
    assert _ids(["243", "7", "0243"], integer=True)["user_id"].tolist() == [243, 7]
    assert _ids([243, 7], integer=True)["user_id"].dtype == "int64"
    assert _ids(["c1", "007", "c1"], integer=False)["user_id"].tolist() == ["c1", "007"]


@pytest.mark.parametrize("wrong", ["c1", "1.5", 1.0, "", "²", "9" * 30, "9" * 5000, "\x1b[31m"])
def test_an_id_that_cannot_be_one_is_named(wrong: str | float) -> None:
    with pytest.raises(ShoprecError, match="is no shopper's id") as told:
        _ids(["1", wrong], integer=True)
    assert "\x1b" not in str(told.value)


@pytest.mark.parametrize("wrong", [7, 7.0])
def test_a_number_is_no_id_where_they_are_text(wrong: float) -> None:
    """A column of floats would give '7.0', whom nobody knows, and who would be shown what sells most."""
    with pytest.raises(ShoprecError, match="they are text in this shop"):
        _ids(["c1", wrong], integer=False)


def test_a_missing_id_is_counted() -> None:
    with pytest.raises(ShoprecError, match="2 of the users have no id"):
        _ids(["c1", None, float("nan")], integer=False)


def test_a_file_of_users_has_their_column(tmp_path: Path) -> None:
    pd.DataFrame({"user_id": ["007", "8"]}).to_csv(tmp_path / "users.csv", index=False)
    assert users_in(tmp_path / "users.csv") == ["007", "8"]
    pd.DataFrame({"customer": [1]}).to_parquet(tmp_path / "users.parquet")
    with pytest.raises(ShoprecError, match="no column user_id: it has customer"):
        users_in(tmp_path / "users.parquet")
    (tmp_path / "text.parquet").write_text("no table")
    with pytest.raises(ShoprecError, match="cannot be read as Parquet"):
        users_in(tmp_path / "text.parquet")


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ShoprecError, match=r"should end with \.parquet or \.csv"):
        refuse_unwritable(tmp_path / "lists.xlsx")
    (tmp_path / "file").touch()
    with pytest.raises(ShoprecError, match="cannot be written"):
        refuse_unwritable(tmp_path / "file" / "lists.csv")
    refuse_unwritable(tmp_path / "new" / "lists.csv")


def test_where_nothing_serves_it_says_how_to_name_a_version(three_versions: Path, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "mlflow.db").write_bytes(three_versions.read_bytes())
    with pytest.raises(ShoprecError, match="nothing serves: .* --version"):
        recommend_to(apply_settings(tmp_path), ["1"], 10, "all", None, print)
