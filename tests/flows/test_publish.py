"""Batch publication from the registry to readers: the real flow, champion's process, files and database."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pandas as pd
import pytest
from prefect.artifacts import Artifact

from flows.cli import main
from flows.publication import publishing
from flows.recommend import recommend
from flows.settings import apply_settings
from tasks.errors import BrokenCheckError, ShoprecError
from tasks.params import load_params
from tests.flows.champions import change_publication, crown, make_project
from tests.flows.shops import ITEMS, USERS
from tests.waiting import wait_for_text

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Path:
    return make_project(tmp_path_factory.mktemp("publish"), empty_database)


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """A copy, whose registry finds its models in the original."""
    return shutil.copytree(made, tmp_path / "project", ignore=shutil.ignore_patterns("mlartifacts", "made-*"))


@pytest.fixture
def shoprec(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple]:
    """The command in this process: exit code, stdout, stderr."""

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["shoprec", "publish", "--root", str(root), *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        code, (out, err) = ended.value.code, capsys.readouterr()
        return code if isinstance(code, int) else 0, out, err

    return call


def files(root: Path) -> dict[str, pd.DataFrame]:
    return {path.stem: pd.read_parquet(path) for path in (root / "published" / "current").glob("*.parquet")}


def rows(root: Path, query: str = "SELECT * FROM current_recommendations") -> pd.DataFrame:
    with closing(sqlite3.connect(root / "var" / "publications.db")) as connection:
        return pd.read_sql(query, connection)


def shown(key: str) -> str:
    """The newest artifact of that key in Prefect."""
    found = cast(Artifact | None, Artifact.get(key))
    assert found is not None
    return str(found.data)


def test_both_places_hold_the_champions_lists_for_all_active_shoppers(root: Path) -> None:
    found = recommend(root=root, reason="test")
    assert (found.id, found.version, found.users, found.k, found.is_new) == (1, 1, USERS, 10, True)
    assert found.facts is not None
    assert found.facts.shortest == {"all": 10, "new": 10}
    lists = files(root)
    assert lists["all"].query("user_id == 'c007'")["item_id"].tolist() == [f"sku-{n:02d}" for n in range(7, 17)]
    assert lists["cold"].query("task == 'all'")["item_id"].tolist() == [f"sku-{n:02d}" for n in range(10)]
    events = pd.read_parquet(root / "data" / "valid" / "events.parquet")
    assert lists["new"].merge(events, on=["user_id", "item_id"]).empty
    columns = ["task", "user_id", "rank", "item_id", "version"]
    both = pd.concat([lists["all"], lists["new"]])[columns].sort_values(columns, ignore_index=True)
    in_database = rows(root)[columns].sort_values(columns, ignore_index=True)
    pd.testing.assert_frame_equal(in_database, both, check_dtype=False)
    about = json.loads((root / "published" / "current" / "publication.json").read_text())
    assert (about["id"], about["as_of"], about["users"]) == (1, "2024-04-01T00:00:00+00:00", USERS)
    told = shown("publication-summary")
    assert "Publication 1, of version 1, as of 2024-04-01T00:00:00+00:00: 200 shoppers" in told
    assert not list((root / "var").glob("publish-*"))


def test_nothing_new_is_published_twice_unless_asked_for_and_what_changed_is_told(root: Path) -> None:
    first = recommend(root=root, reason="test")
    same = recommend(root=root, reason="test")
    assert (same.id, same.is_new, same.told) == (1, False, "the same lists are published already")
    assert same.published_at == first.published_at
    crown(root, 2)
    second = recommend(root=root, reason="a promotion")
    assert (second.id, second.version, second.changes["all"].users) == (2, 2, USERS)
    assert (second.changes["all"].changed, second.changes["all"].overlap) == (1.0, pytest.approx(0.9))
    third = recommend(root=root, reason="test", again=True)
    assert (third.id, third.changes["new"].changed) == (3, 0.0)
    assert rows(root, "SELECT DISTINCT version FROM current_recommendations")["version"].tolist() == [2]


def test_what_may_not_be_shown_is_made_up_for(root: Path) -> None:
    """Three of four sections are forbidden and 10 of 60 items are sold no more: asked for at most twice."""
    items = pd.read_parquet(root / "data" / "valid" / "items.parquet")
    gone = pd.Series(pd.NaT, index=items.index, dtype="datetime64[us, UTC]")
    gone[:10] = pd.Timestamp("2024-03-01", tz="UTC")
    items.assign(available_to=gone).to_parquet(root / "data" / "valid" / "items.parquet")
    change_publication(root, k=5, forbidden={"category_1": ["bakery", "dairy", "garden"]})
    recommend(root=root, reason="test")
    lists = files(root)
    sold = {f"sku-{n:02d}" for n in range(10, ITEMS) if n % 4 == 3}
    assert set(lists["all"]["item_id"]) == sold == set(lists["new"]["item_id"])
    assert (lists["all"].groupby("user_id").size() == 5).all()
    assert lists["all"]["user_id"].nunique() == USERS > lists["new"]["user_id"].nunique(), "some own all that is sold"
    assert lists["all"].query("user_id == 'c012'")["item_id"].tolist() == [
        f"sku-{n}" for n in (15, 19, 23, 27, 31)
    ]  # fmt: skip
    buys_toys = lists["new"]["user_id"].str[1:].astype(int) % 4 == 3
    assert lists["new"][buys_toys].groupby("user_id").size().min() < 5, "the shop sells these no more that is new"


def test_what_was_bought_since_the_champions_cutoff_is_not_shown_as_new(root: Path) -> None:
    recommend(root=root, reason="test")
    item = files(root)["new"].query("user_id == 'c000' and rank == 1")["item_id"].iloc[0]
    path = root / "data" / "valid" / "events.parquet"
    events = pd.read_parquet(path)
    bought = (
        events.query("user_id == 'c000'").tail(1).assign(item_id=item, timestamp=pd.Timestamp("2024-04-02", tz="UTC"))
    )
    pd.concat([events, bought], ignore_index=True).to_parquet(path)
    recommend(root=root, reason="test")
    mine = files(root)["new"].query("user_id == 'c000'")
    assert len(mine) == 10
    assert item not in set(mine["item_id"])


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("an item twice", "recommendations.no_item_twice: no item stands in a list twice"),
        ("two items a list", "recommendations.list_length: a list has publication.k items"),
        ("a list missing", "recommendations.item_id_present: every shopper that was asked for has a list"),
    ],
)
def test_where_a_rule_is_broken_nothing_is_published(
    root: Path, shoprec: Callable[..., tuple], monkeypatch: pytest.MonkeyPatch, fault: str, told: str
) -> None:
    recommend(root=root, reason="test")
    before = rows(root), rows(root, "SELECT * FROM publications")
    crown(root, 2)
    monkeypatch.setenv("TEST_FAULT", fault)
    code, _, err = shoprec("--reason", "test")
    assert code == 2
    assert "the lists of version 2 break 1 expectation(s)" in err
    assert told in err
    assert ("c007" in err) == (fault == "a list missing"), "whose list it is"
    pd.testing.assert_frame_equal(rows(root), before[0])
    pd.testing.assert_frame_equal(rows(root, "SELECT * FROM publications"), before[1])
    assert (root / "published" / "current").readlink() == Path("1")
    assert "Nothing was published" in shown("publication-stopped")


def test_back_is_quick_and_needs_no_prefect_and_holds_against_the_schedule(
    root: Path, shoprec: Callable[..., tuple]
) -> None:
    recommend(root=root, reason="nightly")
    crown(root, 2)
    recommend(root=root, reason="nightly")
    program = (
        "import sys; sys.argv = ['shoprec', 'publish', '--back', '--reason', 'complaints', '--root', sys.argv[1]]\n"
        "from flows.cli import main\n"
        "try: main()\nfinally: print(*{'prefect', 'mlflow', 'great_expectations'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program, str(root)], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("publication 1 is current again: version 1, published 20")
    assert done.stdout.splitlines()[1].strip() == "", "none of them was imported"
    assert set(files(root)["all"]["version"]) == {1} == set(rows(root)["version"])
    changes = rows(root, "SELECT action, publication_id, replaced, why FROM publication_changes ORDER BY number")
    assert changes.iloc[-1].tolist() == ["back", 1, 2, "complaints"]
    code, out, _ = shoprec("--reason", "nightly")
    assert code == 0
    assert "hese lists were published as 2 and gone back from; --again publishes them all the same" in out
    assert set(rows(root)["version"]) == {1}
    code, _, err = shoprec("--back", "--reason", "once more")
    assert code == 1
    assert "publication 1 is current, and there is none before it" in err
    code, out, _ = shoprec("--again", "--json")
    assert (code, json.loads(out[out.index("{") :])["id"]) == (0, 3)
    assert set(files(root)["all"]["version"]) == {2} == set(rows(root)["version"])


def test_lists_of_what_no_longer_serves_are_not_shown(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody rolls back while lists are made."""
    settled = publishing.show_to_readers

    def too_late(*arguments: object) -> object:
        crown(root, 2)
        return settled(*arguments)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr("flows.recommend.show_to_readers", too_late)
    with pytest.raises(ShoprecError, match="version 2 serves since the lists of version 1 were begun"):
        recommend(root=root, reason="test")
    assert not (root / "published" / "current").exists()
    with pytest.raises(ShoprecError, match="nothing is published at sqlite"):
        publishing.go_back(apply_settings(root), load_params(root / "params.yaml"), "ann", "x")


HOLD = """
import sys
from pathlib import Path
from flows.publication.publishing import only_publication
from flows.settings import apply_settings

with only_publication(apply_settings(Path(sys.argv[1])), "by another"):
    Path(sys.argv[2]).write_text("held")
    sys.stdin.read()
"""


def test_a_second_publication_is_told_who_is_at_work_or_waits(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command, held = [sys.executable, "-c", HOLD, str(root), str(root / "held")], publishing.locked
    other = subprocess.Popen(command, stdin=subprocess.PIPE)

    def let_the_other_end(*arguments: Any, wait_s: float) -> Any:
        assert other.stdin is not None
        other.stdin.close()
        return held(*arguments, wait_s=wait_s)

    try:
        wait_for_text(root / "held")
        with pytest.raises(
            ShoprecError, match=rf"process {other.pid} \(since .*, by another\) publishes in .* already:"
        ):
            recommend(root=root)
        monkeypatch.setattr(publishing, "locked", let_the_other_end)
        assert recommend(root=root, wait_minutes=5).id == 1
    finally:
        other.kill()
        other.wait()


def test_what_is_asked_for_by_mistake_is_told(root: Path, shoprec: Callable[..., tuple]) -> None:
    change_publication(root, active_days=0.001)
    with pytest.raises(ShoprecError, match="no user has an event in the 0.001 days before 2024-04-01"):
        recommend(root=root, reason="test")
    change_publication(root, active_days=91, keep=1)
    code, _, err = shoprec()
    assert (code, "publication.keep" in err) == (4, True)
    change_publication(root, keep=2)
    (root / "expectations" / "recommendations.json").unlink()
    with pytest.raises(BrokenCheckError, match=r"recommendations.json does not exist"):
        recommend(root=root, reason="test")
    assert not (root / "published" / "current").exists()
