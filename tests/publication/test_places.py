"""Both places that lists are published to: whole or not at all, and back again; on SQLite and on a real PostgreSQL."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from flows.publication.places import mend
from tasks.errors import ShoprecError, TransientError
from tasks.publication import database as database_module
from tasks.publication.about import IdKind
from tasks.publication.database import PublicationDatabase
from tasks.publication.folder import PublicationFolder
from tasks.schema import TASKS
from tests.postgres import PASSWORD, Postgres
from tests.publication.made import AS_OF, filled, lists, publications
from tests.waiting import wait_for_text

_NUMBER = iter(range(100))
COUNT = "SELECT version, count(*) FROM current_recommendations GROUP BY version"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'publications.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database(f"publications-{next(_NUMBER)}")


@pytest.fixture
def reader(url: str) -> Iterator[sa.Engine]:
    """Another program of the shop."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    yield engine
    engine.dispose()


def read(engine: sa.Engine, query: str = "SELECT * FROM current_recommendations") -> pd.DataFrame:
    with engine.connect() as connection:
        return pd.read_sql(sa.text(query), connection)


@pytest.mark.parametrize("ids", ["integer", "text"])
def test_readers_get_what_was_published(url: str, reader: sa.Engine, tmp_path: Path, ids: IdKind) -> None:
    folder, database = publications(tmp_path), PublicationDatabase(url)
    about = filled(folder, 1, ids)
    database.publish(about, folder.of(1), "ann", "the first")
    found = read(reader, "SELECT * FROM current_recommendations ORDER BY task, user_id, rank")
    wanted = pd.concat([lists(task, 1, ids) for task in TASKS], ignore_index=True)
    columns = ["task", "user_id", "rank", "item_id", "version"]
    pd.testing.assert_frame_equal(found[columns], wanted[columns], check_dtype=False)
    assert read(reader, "SELECT * FROM current_cold_recommendations")["rank"].tolist() == [1, 2, 3]
    (row,) = database.publications()
    assert (row.published_at, row.as_of, row.state) == (about.published_at, about.as_of, "current")
    database.publish(about, folder.of(1), "ann", "once more")
    assert [change.why for change in database.changes()] == ["the first"], "a second time it does nothing"


def test_a_reader_sees_the_old_lists_until_the_new_ones_are_whole(
    url: str, reader: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, database, seen = publications(tmp_path), PublicationDatabase(url), []
    load = database_module.load

    def load_and_look(*arguments: object) -> None:
        load(*arguments)  # pyright: ignore[reportArgumentType]
        if len(database_looks) == 2:
            seen.append(read(reader, COUNT).to_numpy().tolist())

    database_looks: list[int] = []
    monkeypatch.setattr(database_module, "load", load_and_look)
    for number in (1, 2):
        database_looks.append(number)
        database.publish(filled(folder, number), folder.of(number), "ann", "x")
    assert seen == [[[1, 36]]] * 3, "after each of three files of the second publication"
    assert read(reader, COUNT).to_numpy().tolist() == [[2, 36]]


def test_a_reader_that_began_before_the_switch_reads_the_old_lists_to_their_end(
    url: str, reader: sa.Engine, tmp_path: Path
) -> None:
    folder, database = publications(tmp_path), PublicationDatabase(url)
    database.publish(filled(folder, 1), folder.of(1), "ann", "x")
    with reader.connect().execution_options(stream_results=True) as connection:
        if reader.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        else:
            connection.exec_driver_sql("BEGIN")
        versions = {connection.execute(sa.text(COUNT)).one()[0]}
        database.publish(filled(folder, 2), folder.of(2), "ann", "x")
        versions.add(connection.execute(sa.text(COUNT)).one()[0])
        assert versions == {1}
    assert read(reader, COUNT)["version"].tolist() == [2]


def test_one_goes_back_to_the_publication_before_and_the_tables_say_who_and_why(
    url: str, reader: sa.Engine, tmp_path: Path
) -> None:
    folder, database = publications(tmp_path), PublicationDatabase(url)
    for number in (1, 2):
        database.publish(filled(folder, number), folder.of(number), "recommend: nightly", "nightly")
    database.go_back(1, "ann", "complaints")
    assert read(reader, COUNT)["version"].tolist() == [1]
    assert [(one.id, one.state) for one in database.publications()] == [(1, "current"), (2, "withdrawn")]
    last = database.changes()[-1]
    assert (last.who, last.action, last.publication_id, last.replaced, last.why) == ("ann", "back", 1, 2, "complaints")
    with pytest.raises(ShoprecError, match="publication 2 is none that one can go back to"):
        database.go_back(2, "ann", "forward")
    assert read(reader, COUNT)["version"].tolist() == [1]
    database.publish(filled(folder, 3), folder.of(3), "ann", "x")
    assert [one.state for one in database.publications()] == ["previous", "withdrawn", "current"]


def test_old_lists_are_deleted_and_what_is_known_of_them_stays(url: str, reader: sa.Engine, tmp_path: Path) -> None:
    folder, database = publications(tmp_path), PublicationDatabase(url)
    for number in (1, 2, 3, 4):
        database.publish(filled(folder, number), folder.of(number), "ann", "x")
        folder.point_at(number)
        folder.drop(database.drop_old(2))
    assert read(reader, "SELECT DISTINCT publication_id FROM recommendations ORDER BY 1").iloc[:, 0].tolist() == [3, 4]
    assert [one.state for one in database.publications()] == ["dropped", "dropped", "previous", "current"]
    assert (folder.numbers(), folder.current()) == ([3, 4], 4)


def test_ids_of_another_kind_are_refused_and_nothing_changes(url: str, reader: sa.Engine, tmp_path: Path) -> None:
    folder, database = publications(tmp_path), PublicationDatabase(url)
    database.publish(filled(folder, 1), folder.of(1), "ann", "x")
    with pytest.raises(ShoprecError, match="has user_id of type BIGINT, and the shop's are TEXT now") as told:
        database.publish(filled(folder, 2, "text"), folder.of(2), "ann", "x")
    assert PASSWORD not in str(told.value)
    assert read(reader, COUNT).to_numpy().tolist() == [[1, 36]]


def test_a_database_that_does_not_answer_is_a_passing_fault_and_its_password_is_not_shown(
    postgres: Postgres,
) -> None:
    with pytest.raises(TransientError) as told:
        PublicationDatabase(postgres.address("nowhere")).publications()
    assert "nowhere" in str(told.value)
    assert PASSWORD not in str(told.value)


KILLED = """
import sys, time
from pathlib import Path
from tasks.publication import database
from tasks.publication.folder import PublicationFolder
from tests.publication.made import filled

def load_and_wait(*arguments, load=database.load):
    load(*arguments)
    Path(sys.argv[3]).write_text("loaded")
    time.sleep(600)

folder = PublicationFolder(Path(sys.argv[2]))
about = filled(folder, 2)
(folder.folder / ".3.new").mkdir()
database.load = load_and_wait
database.PublicationDatabase(sys.argv[1]).publish(about, folder.of(2), "killed", "x")
"""


def test_one_that_is_killed_in_the_middle_leaves_the_old_and_the_next_one_mends(
    url: str, reader: sa.Engine, tmp_path: Path
) -> None:
    folder, database, mark = publications(tmp_path), PublicationDatabase(url), tmp_path / "in the middle"
    database.publish(filled(folder, 1), folder.of(1), "ann", "x")
    folder.point_at(1)
    child = subprocess.Popen([sys.executable, "-c", KILLED, url, str(folder.folder), str(mark)], cwd=Path.cwd())
    wait_for_text(mark)
    child.kill()
    child.wait()
    assert read(reader, COUNT).to_numpy().tolist() == [[1, 36]]
    assert (folder.current(), folder.numbers()) == (1, [1, 2])
    mend(database, folder)
    assert (folder.current(), folder.numbers(), list(folder.folder.glob(".*"))) == (1, [1], [])
    database.publish(filled(folder, 2), folder.of(2), "ann", "x")
    folder.point_at(2)
    assert read(reader, COUNT).to_numpy().tolist() == [[2, 36]]


def test_what_another_machine_published_under_the_same_number_is_not_taken_for_ours(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'p.db'}"
    ours, theirs, database = publications(tmp_path / "a"), publications(tmp_path / "b"), PublicationDatabase(url)
    database.publish(filled(theirs, 1), theirs.of(1), "bob", "x")
    about = filled(ours, 1)
    for other in (replace(about, fingerprint="ours"), replace(about, published_at=AS_OF)):
        other.written_to(ours.of(1))
        with pytest.raises(ShoprecError, match="publication 1 at sqlite.* is another one, of version 1.*next number"):
            database.publish(other, ours.of(1), "ann", "x")
        mend(database, ours)
        assert ours.current() is None, "the link is not turned to files that the database does not tell of"
    assert [change.who for change in database.changes()] == ["bob"]


def test_another_who_writes_at_the_same_time_is_told_as_such(tmp_path: Path) -> None:
    """A trigger does what another machine would do between our statements."""
    folder, database = publications(tmp_path), PublicationDatabase(f"sqlite:///{tmp_path / 'p.db'}")
    database.publish(filled(folder, 1), folder.of(1), "ann", "x")
    with closing(sqlite3.connect(tmp_path / "p.db")) as other:
        other.execute(
            "CREATE TRIGGER other AFTER UPDATE ON publications BEGIN INSERT INTO publications"
            " SELECT 99, version, published_at, as_of, k, users, 'theirs', 'current' FROM publications; END"
        )
    with pytest.raises(ShoprecError, match=r"clash .*: UNIQUE .*another machine or program wrote there") as told:
        database.publish(filled(folder, 2), folder.of(2), "ann", "x")
    assert "may make tables" not in str(told.value)
    assert [(one.id, one.state) for one in database.publications()] == [(1, "current")]


def test_the_folder_follows_the_database_where_a_kill_came_between(tmp_path: Path) -> None:
    folder, database = publications(tmp_path), PublicationDatabase(f"sqlite:///{tmp_path / 'p.db'}")
    for number in (1, 2):
        database.publish(filled(folder, number), folder.of(number), "ann", "x")
        if number == 1:
            folder.point_at(1)
    mend(database, folder)
    assert folder.current() == 2


def test_of_a_lost_database_the_files_stay(tmp_path: Path) -> None:
    folder = publications(tmp_path)
    for number in (1, 2):
        filled(folder, number)
        folder.point_at(number)
    mend(PublicationDatabase(f"sqlite:///{tmp_path / 'new.db'}"), folder)
    assert (folder.current(), folder.numbers()) == (2, [1, 2])


def test_a_reader_of_the_link_never_misses_it(tmp_path: Path) -> None:
    """While it is swapped many times, in another process, every open works and every file is of one publication."""
    folder = publications(tmp_path)
    for number in (1, 2):
        filled(folder, number)
    folder.point_at(1)
    swap = (
        "import sys; from pathlib import Path; from tasks.publication.folder import PublicationFolder as F;"
        " f = F(Path(sys.argv[1])); [f.point_at(1 + n % 2) for n in range(2000)]"
    )
    child = subprocess.Popen([sys.executable, "-c", swap, str(folder.folder)])
    looks = 0
    while child.poll() is None or looks < 20:
        found = pd.read_parquet(folder.folder / "current" / "all.parquet")
        assert (len(found), found["version"].nunique()) == (18, 1)
        looks += 1
    assert child.returncode == 0


def test_files_that_are_not_as_published_are_told(tmp_path: Path) -> None:
    folder = publications(tmp_path)
    filled(folder, 1)
    assert folder.is_whole(1)
    lists("all", 9).to_parquet(folder.of(1) / "all.parquet")
    with pytest.raises(ShoprecError, match="not those that were published"):
        folder.read(1)
    assert not folder.is_whole(7)


def test_sqlite_readers_that_know_nothing_of_shoprec_are_not_locked_out(tmp_path: Path) -> None:
    """Write-ahead logging is a property of the file."""
    folder, file = publications(tmp_path), tmp_path / "p.db"
    PublicationDatabase(f"sqlite:///{file}").publish(filled(folder, 1), folder.of(1), "ann", "x")
    with sqlite3.connect(file) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_only_one_publication_can_be_current(url: str, reader: sa.Engine, tmp_path: Path) -> None:
    folder, database = publications(tmp_path), PublicationDatabase(url)
    for number in (1, 2):
        database.publish(filled(folder, number), folder.of(number), "ann", "x")
    with reader.begin() as connection, pytest.raises(IntegrityError):
        connection.execute(sa.text("UPDATE publications SET state = 'current' WHERE id = 1"))
    assert PublicationFolder(tmp_path / "published").current() is None
