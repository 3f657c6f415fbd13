"""A shop's own exports: what is read, and how it is told what is wrong with them."""

import gzip
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tasks.errors import DataContractError, ParamsError
from tasks.ingestion.sources import fetch
from tasks.params.source import SourceParams
from tasks.schema import TableName
from tests.ingestion.conftest import SHOP

LINES = [
    "user_id,item_id,event_type,timestamp,quantity,value",
    "1,10,purchase,2024-01-05T10:00:00Z,1,2.50",
    "2,11,view,2024-01-06T11:30:00Z,,",
]


def read(
    root: Path, events: dict[str, Any] | list[dict[str, Any]], **others: dict[str, Any]
) -> dict[TableName, pd.DataFrame]:
    params = SourceParams.model_validate({"adapter": "files", "tables": {"events": events, **others}})
    return fetch(params, SHOP, root)


def write(path: Path, *lines: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


def times(frame: pd.DataFrame) -> list[str]:
    return [moment.isoformat() for moment in frame["timestamp"]]


def test_a_csv_of_canonical_columns_needs_only_its_path(tmp_path):
    write(tmp_path / "log.csv", *LINES)
    events = read(tmp_path, {"path": "log.csv"})["events"]
    assert list(events) == ["user_id", "item_id", "event_type", "timestamp", "session_id", "quantity", "value"]
    assert events["user_id"].tolist() == [1, 2] and events["user_id"].dtype == "int64"
    assert times(events) == ["2024-01-05T10:00:00+00:00", "2024-01-06T11:30:00+00:00"]
    assert events["session_id"].isna().all()


def test_columns_separators_decimals_encodings_and_event_names_are_mapped(tmp_path):
    write(
        tmp_path / "log.txt",
        "Kunde;Artikel;Was;Wann;Betrag;Kanal",
        "Jörg;A1;Kauf;05.01.2024 10:00;1,50;Köln",
        "Ana;A2;Klick;06.01.2024 10:00;;",
        "Ana;A2;Login;06.01.2024 10:00;;",
        encoding="cp1252",
    )
    columns = {"user_id": "Kunde", "item_id": "Artikel", "event_type": "Was", "timestamp": "Wann", "value": "Betrag"}
    table = {
        "path": "log.txt",
        "separator": ";",
        "decimal": ",",
        "encoding": "cp1252",
        "timestamp_format": "%d.%m.%Y %H:%M",
        "columns": columns | {"channel": "Kanal"},
        "event_types": {"Kauf": "purchase", "Klick": "view"},
        "ignore_event_types": ["Login"],
    }
    events = read(tmp_path, table)["events"]
    assert events["user_id"].tolist() == ["Jörg", "Ana"]
    assert events["event_type"].tolist() == ["purchase", "view"]
    assert events["value"].tolist()[0] == 1.5
    assert events["channel"].tolist()[0] == "Köln"
    assert times(events)[0] == "2024-01-05T09:00:00+00:00", "Berlin is an hour ahead of UTC in winter"


@pytest.mark.parametrize("path", ["days", "days/*.csv", "days/**/*.csv*"])
def test_a_folder_or_a_glob_is_all_of_its_files(tmp_path, path):
    write(tmp_path / "days" / "2.csv", LINES[0], LINES[2])
    write(tmp_path / "days" / "1.csv", LINES[0], LINES[1])
    assert read(tmp_path, {"path": path})["events"]["user_id"].tolist() == [1, 2]


def test_compressed_csv_and_parquet_lie_side_by_side(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.csv.gz").write_bytes(gzip.compress("\n".join(LINES[:2]).encode()))
    read_back = read(tmp_path, {"path": "d"})["events"]
    read_back.assign(user_id=5).to_parquet(tmp_path / "d" / "b.parquet")
    assert read(tmp_path, {"path": "d"})["events"]["user_id"].tolist() == [1, 5]


def test_several_exports_become_one_events_table(tmp_path):
    write(tmp_path / "sales.csv", "user_id,item_id,timestamp", "1,10,2024-01-05T10:00Z")
    write(tmp_path / "clicks.csv", "user_id,item_id,timestamp", "1,11,2024-01-04T10:00Z")
    both = [
        {"path": "sales.csv", "constants": {"event_type": "purchase"}},
        {"path": "clicks.csv", "constants": {"event_type": "view"}},
    ]
    assert read(tmp_path, both)["events"]["event_type"].tolist() == ["view", "purchase"]


@pytest.mark.parametrize(
    ("given", "layout", "zone", "instant"),
    [
        ("2024-07-01 12:00:00", None, None, "2024-07-01T10:00:00+00:00"),
        ("2024-07-01 12:00:00", None, "America/New_York", "2024-07-01T16:00:00+00:00"),
        ("2024-07-01T12:00:00+05:30", None, None, "2024-07-01T06:30:00+00:00"),
        ("2024-07-01T12:00:00Z", None, None, "2024-07-01T12:00:00+00:00"),
        ("2024-07-01", None, None, "2024-06-30T22:00:00+00:00"),
        ("1719835200", "unix_s", None, "2024-07-01T12:00:00+00:00"),
        ("1719835200500", "unix_ms", None, "2024-07-01T12:00:00.500000+00:00"),
        ("07/01/24 12:00 PM", "%m/%d/%y %I:%M %p", "UTC", "2024-07-01T12:00:00+00:00"),
        ("2024-10-27 02:30:00", None, None, "2024-10-27T00:30:00+00:00"),
        ("2024-03-31 02:30:00", None, None, "2024-03-31T01:00:00+00:00"),
    ],
    ids=[
        "shop's zone",
        "own zone",
        "offset",
        "Z",
        "a day",
        "seconds",
        "millis",
        "US",
        "hour shown twice",
        "hour skipped",
    ],
)
def test_timestamps_become_instants(tmp_path, given, layout, zone, instant):
    write(tmp_path / "log.csv", LINES[0], f"1,10,purchase,{given},1,1")
    table = {"path": "log.csv", "timestamp_format": layout, "timestamp_zone": zone}
    assert times(read(tmp_path, table)["events"]) == [instant]


def test_offsets_may_differ_from_row_to_row(tmp_path):
    write(tmp_path / "log.csv", LINES[0], "1,10,view,2024-01-05T10:00+01:00,,", "1,10,view,2024-07-05T10:00+02:00,,")
    assert times(read(tmp_path, {"path": "log.csv"})["events"]) == [
        "2024-01-05T09:00:00+00:00",
        "2024-07-05T08:00:00+00:00",
    ]


def test_ids_keep_leading_zeros_and_words_like_NA(tmp_path):  # noqa: N802
    write(tmp_path / "log.csv", LINES[0], "007,NA,view,2024-01-05T10:00Z,,", "12,null,view,2024-01-05T10:00Z,,")
    events = read(tmp_path, {"path": "log.csv"})["events"]
    assert events["user_id"].tolist() == ["007", "12"]
    assert events["item_id"].tolist() == ["NA", "null"]


def test_an_id_is_of_one_type_in_all_tables(tmp_path):
    write(tmp_path / "log.csv", *LINES)
    write(tmp_path / "items.csv", "item_id,title", "10,Tea", "11,Milk", "B12,Bread")
    tables = read(tmp_path, {"path": "log.csv"}, items={"path": "items.csv"})
    assert tables["events"]["item_id"].tolist() == ["10", "11"]
    assert set(tables["events"]["item_id"]) < set(tables["items"]["item_id"])


def test_an_empty_id_stays_a_gap_for_the_contract_to_judge(tmp_path):
    write(tmp_path / "log.csv", *LINES, ",10,view,2024-01-07T10:00Z,,")
    ids = read(tmp_path, {"path": "log.csv"})["events"]["user_id"]
    assert ids.isna().tolist() == [False, False, True] and ids.iloc[0] == 1


def test_parquet_ids_that_pandas_wrote_as_floats_are_integers(tmp_path):
    frame = pd.DataFrame({"user_id": [1.0, None], "item_id": [1, 2], "timestamp": pd.to_datetime(["2024-01-05"] * 2)})
    frame.to_parquet(tmp_path / "log.parquet")
    events = read(tmp_path, {"path": "log.parquet", "constants": {"event_type": "view"}})["events"]
    assert str(events["user_id"].dtype) == "Int64"


def test_users_keep_their_attributes_and_items_need_no_title(tmp_path):
    write(tmp_path / "log.csv", *LINES)
    write(tmp_path / "users.csv", "user_id,tier", "1,gold", "2,")
    write(tmp_path / "items.csv", "sku,group,internal", "10,Food,x", "11,Food,y")
    columns = {"item_id": "sku", "category_1": "group"}
    tables = read(
        tmp_path, {"path": "log.csv"}, users={"path": "users.csv"}, items={"path": "items.csv", "columns": columns}
    )
    assert list(tables["users"]) == ["user_id", "tier"]
    assert list(tables["items"]) == ["item_id", "title", "category_1"]
    assert tables["items"]["title"].tolist() == ["10", "11"]


def test_promotions_without_kind_or_reach_hold_everywhere(tmp_path):
    write(tmp_path / "log.csv", *LINES)
    write(tmp_path / "promo.csv", "item_id,start,end", "10,2024-01-01,2024-01-08")
    promotions = read(tmp_path, {"path": "log.csv"}, promotions={"path": "promo.csv"})["promotions"]
    assert promotions[["kind", "reach"]].to_numpy().tolist() == [["promotion", 1.0]]


@pytest.mark.parametrize("cells", ["mailer,0.5", ",", ",0.5", "mailer,"])
def test_a_promotion_without_its_kind_or_reach_is_like_one_of_a_shop_without_them(tmp_path, cells):
    write(tmp_path / "log.csv", *LINES)
    rows = [f"10,2024-01-01,2024-01-08,{cells}", "11,2024-01-01,2024-01-08,display,0.25"]
    write(tmp_path / "promo.csv", "item_id,start,end,kind,reach", *rows)
    promotions = read(tmp_path, {"path": "log.csv"}, promotions={"path": "promo.csv"})["promotions"]
    kind, reach = cells.split(",")
    assert promotions["kind"].tolist() == [kind or "promotion", "display"]
    assert promotions["reach"].tolist() == [float(reach or 1), 0.25]


def test_an_unmapped_event_name_is_left_for_the_contract_to_judge(tmp_path):
    write(tmp_path / "log.csv", *LINES, "1,10,wish,2024-01-07T10:00Z,,")
    assert "wish" in read(tmp_path, {"path": "log.csv"})["events"]["event_type"].tolist()


FAULTS: dict[str, tuple[list[str], dict[str, Any], str]] = {
    "no file": ([], {"path": "nowhere/*.csv"}, r"source\.tables\.events\[0\]\.path is 'nowhere/\*\.csv'"),
    "empty file": ([""], {}, r"log\.csv is empty"),
    "no rows": ([LINES[0]], {}, r"log\.csv has a header but no rows"),
    "missing column": (["user_id,item,timestamp,event_type", "1,2,3,4"], {}, r"no column 'item_id'.*is it 'item'"),
    "missing mapped column": (LINES, {"columns": {"user_id": "user"}}, r"no column 'user' .*columns\.user_id"),
    "no event type": (["user_id,item_id,timestamp", "1,2,2024-01-01"], {}, r"constants\.event_type"),
    "unparsable date": ([*LINES, "1,10,view,soon,,"], {}, r"column timestamp, row 4: 'soon' is no instant"),
    "impossible date": ([*LINES, "1,10,view,2024-02-30T00:00Z,,"], {}, r"row 4: '2024-02-30T00:00Z'"),
    "other date format": ([LINES[0], "1,10,view,13/01/2024,,"], {}, r"row 2: '13/01/2024'.*timestamp_format"),
    "mixed zones": ([*LINES, "1,10,view,2024-01-07 10:00,,"], {}, r"row 4: '2024-01-07 10:00' has a time zone where"),
    "infinite": ([*LINES, "1,10,view,2024-01-07T10:00Z,inf,"], {}, r"column quantity, row 4: 'inf' is no number"),
    "wrong type": ([*LINES, "1,10,view,2024-01-07T10:00Z,two,"], {}, r"column quantity, row 4: 'two' is no number"),
    "wrong decimal": ([*LINES, '1,10,view,2024-01-07T10:00Z,1,"1,50"'], {}, r"column value, row 4: '1,50'.*decimal"),
    "wrong separator": (LINES, {"separator": ";"}, r"no column 'user_id'"),
    "ragged row": ([*LINES, "1,2,3,4,5,6,7,8"], {}, r"log\.csv is no table with the separator ','.*line 4"),
    "wrong encoding": (LINES, {"encoding": "utf-16"}, r"not encoded as 'utf-16'"),
    "unknown encoding": (LINES, {"encoding": "klingon"}, r"not encoded as 'klingon'"),
    "seconds unnamed": (["user_id,item_id,event_type,timestamp", "1,2,view,1719835200"], {}, r"row 2: '1719835200'"),
}


@pytest.mark.parametrize(("lines", "table", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_names_file_column_and_row(tmp_path, lines, table, message):
    if lines:
        (tmp_path / "log.csv").write_text("\n".join(lines))
    with pytest.raises(DataContractError, match=message):
        read(tmp_path, {"path": "log.csv"} | table)


def test_a_mistyped_name_of_a_column_is_refused_before_anything_is_read(tmp_path):
    """No file is there; every fault is told."""
    clicks = {"path": "clicks.csv", "constants": {"event_typ": "view"}}
    orders = {"path": "orders.csv", "columns": {"quantitty": "qty", "user_id": "customer", "colour": "col"}}
    promotions = {"path": "promotions.csv", "columns": {"item_id": "sku", "begin": "from", "category_1": "group"}}
    with pytest.raises(ParamsError) as refused:
        read(tmp_path, [clicks, orders], promotions=promotions)
    of_events = "user_id, item_id, event_type, timestamp, session_id, quantity, value, rating, position, query, channel"
    of_promotions = "item_id, start, end, kind, reach"
    assert str(refused.value).splitlines() == [
        "source.tables.events[0].constants.event_typ: no events table has a column 'event_typ', but"
        f" {of_events}; is it 'event_type'?",
        "source.tables.events[1].columns.quantitty: no events table has a column 'quantitty', but"
        f" {of_events}; is it 'quantity'?",
        f"source.tables.events[1].columns.colour: no events table has a column 'colour', but {of_events}",
        f"source.tables.promotions.columns.begin: no promotions table has a column 'begin', but {of_promotions}",
        f"source.tables.promotions.columns.category_1: no promotions table has a column 'category_1', but"
        f" {of_promotions}",
    ]


def test_items_and_users_may_be_given_any_column(tmp_path):
    write(tmp_path / "log.csv", *LINES)
    write(tmp_path / "users.csv", "user_id,k", "1,x")
    write(tmp_path / "items.csv", "item_id,farbe,ebene", "10,red,Food")
    tables = read(
        tmp_path,
        {"path": "log.csv"},
        users={"path": "users.csv", "columns": {"club": "k"}, "constants": {"country": "DE"}},
        items={"path": "items.csv", "columns": {"colour": "farbe", "category_7": "ebene"}},
    )
    assert tables["users"].to_dict("list") == {"user_id": [1], "club": ["x"], "country": ["DE"]}
    assert list(tables["items"]) == ["item_id", "title", "category_7", "colour"]


def test_columns_of_events_that_the_contract_does_not_name_are_left_out(tmp_path):
    write(tmp_path / "log.csv", LINES[0] + ",category_1,basket_note", LINES[1] + ",Food,hello")
    events = read(tmp_path, {"path": "log.csv"})["events"]
    assert not {"category_1", "basket_note"} & set(events)


def test_a_truncated_parquet_file_is_named(tmp_path):
    frame = pd.DataFrame({"user_id": range(1000)})
    frame.to_parquet(tmp_path / "log.parquet")
    whole = (tmp_path / "log.parquet").read_bytes()
    (tmp_path / "log.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataContractError, match=r"log\.parquet is no readable Parquet file"):
        read(tmp_path, {"path": "log.parquet"})


def test_a_file_of_unknown_ending_asks_for_its_format(tmp_path):
    write(tmp_path / "export.dat", *LINES)
    with pytest.raises(DataContractError, match=r"set source\.tables\.events\[0\]\.format"):
        read(tmp_path, {"path": "export.dat"})
    assert len(read(tmp_path, {"path": "export.dat", "format": "csv"})["events"]) == 2
