"""Where a lock cannot be kept it is said why; who holds one is named by its note."""

import errno
import os
from pathlib import Path

import pytest

from flows.settings import apply_settings
from tasks.errors import ShoprecError
from tasks.lock_file import Holder, holder_of, locked
from tasks.registry.ledger import Ledger


def busy(holder: str) -> ShoprecError:
    return ShoprecError(f"busy: {holder}")


def test_a_holder_is_known_as_long_as_it_holds(tmp_path: Path) -> None:
    assert holder_of(tmp_path / "x") is None
    with locked(tmp_path / "x", "a test", busy):
        holder = holder_of(tmp_path / "x")
        assert holder == Holder(os.getpid(), holder.since if holder else "", "a test")
    assert holder_of(tmp_path / "x") is None


@pytest.mark.parametrize("note", ["", "[]", "{}", '{"pid": 1}'])
def test_a_note_that_says_nothing_names_nobody(tmp_path: Path, note: str) -> None:
    (tmp_path / "x.json").write_text(note)
    assert holder_of(tmp_path / "x") is None


def test_a_lock_that_cannot_be_written_says_where_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    told = pytest.raises(ShoprecError, match=r"/file.* cannot be written \((File exists|Not a directory)\): see that")
    with told, locked(tmp_path / "file" / "x", "a test", busy):
        pass


def test_on_a_full_disk_the_lock_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, *_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    told = pytest.raises(ShoprecError, match="x.json cannot be written .No space left")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with told, locked(tmp_path / "x", "a test", busy):
            pass
    with locked(tmp_path / "x", "a test", busy):
        pass


def test_what_was_raised_while_it_was_held_is_not_taken_for_its_fault(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), locked(tmp_path / "x", "a test", busy):
        (tmp_path / "nothing").read_text()


def test_a_file_where_the_folder_of_databases_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("")
    with pytest.raises(ShoprecError, match=r"the folder .*/var cannot be made .*no file stands in its place"):
        apply_settings(tmp_path)
    with pytest.raises(ShoprecError, match=r"the ledger's folder .*/var cannot be made"):
        Ledger(f"sqlite:///{tmp_path / 'var' / 'ledger.db'}")
