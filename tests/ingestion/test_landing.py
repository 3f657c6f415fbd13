"""Landing and storage: whole or not at all, and nothing where nothing changed."""

import errno
import json
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from tasks.errors import DataContractError, ParamsError, ShoprecError
from tasks.ingestion.landing import as_of_instant, land, read_manifest
from tasks.ingestion.storage import read_table, read_tables, replace_file, replace_folder, write_table
from tasks.params.source import SourceParams

MONDAY = datetime(2024, 3, 4, tzinfo=UTC)
TUESDAY = datetime(2024, 3, 5, tzinfo=UTC)


def land_events(root: Path, events: pd.DataFrame, as_of: datetime = MONDAY) -> bool:
    return land({"events": events}, root / "valid" / "profile.json", root / "raw", as_of, "test")


def fill(folder: Path, text: str) -> None:
    (folder / "a").write_text(text)


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


def test_the_same_data_lands_once(tmp_path, events):
    assert land_events(tmp_path, events)
    before = snapshot(tmp_path / "raw")
    assert not land_events(tmp_path, events.copy())
    assert snapshot(tmp_path / "raw") == before


def test_what_landed_is_what_was_given(tmp_path, events, items):
    land({"events": events, "items": items}, tmp_path / "none", tmp_path / "raw", MONDAY, "test")
    back = read_tables(tmp_path / "raw")
    pd.testing.assert_frame_equal(back["events"], events)
    pd.testing.assert_frame_equal(back["items"], items)
    assert read_manifest(tmp_path / "raw") == {
        "source": "test",
        "as_of": "2024-03-04T00:00:00+00:00",
        "rows": {"events": len(events), "items": len(items)},
        "previous": None,
    }


def test_a_new_day_renews_the_manifest_and_not_the_tables(tmp_path, events):
    land_events(tmp_path, events)
    (tmp_path / "valid").mkdir()
    (tmp_path / "valid" / "profile.json").write_text('{"raw": {"rows": {"events": 1}}}')
    assert land_events(tmp_path, events, TUESDAY)
    manifest = read_manifest(tmp_path / "raw")
    assert manifest["as_of"] == "2024-03-05T00:00:00+00:00"
    assert manifest["previous"] is None, "data is never compared with itself"


def test_new_data_is_compared_with_the_last_accepted(tmp_path, events):
    land_events(tmp_path, events)
    (tmp_path / "valid").mkdir()
    (tmp_path / "valid" / "profile.json").write_text('{"raw": {"rows": {"events": 400}}}')
    assert land_events(tmp_path, events.head(100))
    assert read_manifest(tmp_path / "raw")["previous"] == {"raw": {"rows": {"events": 400}}}


def test_a_table_that_the_shop_no_longer_has_goes(tmp_path, events, items):
    land({"events": events, "items": items}, tmp_path / "none", tmp_path / "raw", MONDAY, "test")
    assert land_events(tmp_path, events)
    assert set(read_tables(tmp_path / "raw")) == {"events"}


def test_a_manifest_that_was_cut_off_is_told(tmp_path, events):
    land_events(tmp_path, events)
    (tmp_path / "raw" / "manifest.json").write_text("{")
    with pytest.raises(DataContractError, match="fetch the data again"):
        read_manifest(tmp_path / "raw")


@pytest.mark.parametrize("fault", [RuntimeError("killed"), KeyboardInterrupt()])
def test_a_folder_is_replaced_whole_or_stays(tmp_path, fault):
    folder = tmp_path / "valid"
    replace_folder(folder, lambda new: fill(new, "old"))

    def half(new: Path) -> None:
        (new / "a").write_text("new")
        raise fault

    with pytest.raises(type(fault)):
        replace_folder(folder, half)
    assert (folder / "a").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["valid"]


@pytest.mark.parametrize(
    "left", [(".valid.old", ".valid.new"), (".valid.old",), ("valid", ".valid.old"), (".valid.new",)]
)
def test_what_a_kill_left_behind_is_swept_up(tmp_path, left):
    """The swap is: old away, new in, old deleted; a kill may come between any two."""
    for name in left:
        (tmp_path / name).mkdir()
        (tmp_path / name / "a").write_text(name)
    replace_folder(tmp_path / "valid", lambda new: fill(new, "fresh"))
    assert (tmp_path / "valid" / "a").read_text() == "fresh"
    assert [path.name for path in tmp_path.iterdir()] == ["valid"]


def test_a_full_disk_is_named_and_the_old_content_stays(tmp_path):
    folder = tmp_path / "valid"
    replace_folder(folder, lambda new: fill(new, "old"))

    def full(new: Path) -> None:
        (new / "a").write_text("ne")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ShoprecError, match="no space left"):
        replace_folder(folder, full)
    assert (folder / "a").read_text() == "old"


def test_a_real_full_device_is_named(tmp_path):
    """/dev/full refuses every write as a full disk does."""
    (tmp_path / ".page.html.new").symlink_to("/dev/full")
    with pytest.raises(ShoprecError, match="no space left"):
        replace_file(tmp_path / "page.html", b"x")
    assert list(tmp_path.iterdir()) == []


def test_landing_on_a_full_disk_keeps_what_was_there(tmp_path, events, monkeypatch):
    land_events(tmp_path, events)
    before = snapshot(tmp_path / "raw")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tasks.ingestion.landing.write_tables", full)
    with pytest.raises(ShoprecError, match="no space left"):
        land_events(tmp_path, events.head(10))
    assert snapshot(tmp_path / "raw") == before
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_the_same_rows_are_the_same_bytes(tmp_path, events):
    write_table(events, tmp_path / "a.parquet")
    write_table(read_table(tmp_path / "a.parquet"), tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_integers_with_gaps_stay_integers(tmp_path):
    write_table(pd.DataFrame({"id": pd.array([2**60 + 1, None], dtype="Int64")}), tmp_path / "a.parquet")
    assert read_table(tmp_path / "a.parquet")["id"].tolist()[0] == 2**60 + 1


def test_as_of_is_the_params_or_the_last_midnight():
    now = datetime(2024, 3, 4, 15, 30, tzinfo=UTC)
    named = SourceParams(adapter="complete_journey", as_of="2024-01-01T00:00:00-05:00")
    assert as_of_instant(named, now) == datetime(2024, 1, 1, 5, tzinfo=UTC)
    assert as_of_instant(SourceParams(adapter="complete_journey"), now) == MONDAY
    with pytest.raises(ParamsError, match=r"source\.as_of is 'soon'"):
        as_of_instant(SourceParams(adapter="complete_journey", as_of="soon"), now)


def test_the_manifest_is_json_that_a_person_can_read(tmp_path, events):
    land_events(tmp_path, events)
    text = (tmp_path / "raw" / "manifest.json").read_text()
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True) + "\n"
