"""What novelty and variety do to the first places of lists, by hand and as laws."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import ParamsError
from tasks.evaluation.beyond import coverage
from tasks.ingestion.valid import Valid
from tasks.params import Params, load_params
from tasks.params.ranker import DiversityParams, StrengthParams
from tasks.recommender import Recommender, bundle
from tasks.recommender.diversity import Surroundings, diversified
from tasks.schema import TASKS, Task
from tests.shop import bought_in_sections, furnish, learn

NOVEL, VARIED = StrengthParams(novelty=0.5), StrengthParams(variety=10.0)
SHELVES = {"category_1": ["food", "food", "food", "toys"], "category_2": ["milk", "milk", "bread", "cars"]}
SHOPPERS = [f"c{n:03d}" for n in range(60)]


def surroundings(bits: list[float], **levels: list[str]) -> Surroundings:
    codes = [np.unique(level, return_inverse=True)[1] for level in levels.values()]
    return Surroundings(pd.Index(range(len(bits))), np.array(bits), codes)


def ranked(*of_users: list[float]) -> pd.DataFrame:
    """Items 0, 1, … with these scores, best first, a list a user."""
    frames = [
        pd.DataFrame({"user_id": user, "item_id": range(len(s)), "score": s, "rank": range(1, len(s) + 1)})
        for user, s in enumerate(of_users)
    ]
    return pd.concat(frames, ignore_index=True)


def items(found: pd.DataFrame) -> list[list[int]]:
    return [of["item_id"].tolist() for _, of in found.groupby("user_id")]


def test_an_item_takes_a_place_where_its_bits_are_worth_the_chance_that_is_lost() -> None:
    """Chances 4, 2 and 1 are 4/3, 2/3 and 1/3 of the mean of the first two; the third item has one bit more."""
    given_ = ranked(list(np.log([4.0, 2.0, 1.0])))
    around = surroundings([1.0, 1.0, 2.0])
    for novelty, expected in ((0.32, [0, 1, 2]), (0.34, [0, 2, 1])):
        found = diversified(given_, around, StrengthParams(novelty=novelty), places=2, head=3)
        assert items(found) == [expected]


def test_the_first_item_is_the_best_one_and_the_second_is_of_another_department() -> None:
    """Item 3 shares nothing with item 0, item 2 the department, item 1 the shelf as well."""
    around = surroundings([1.0] * 4, **SHELVES)
    found = diversified(ranked([3.0, 2.9, 2.8, 2.7]), around, VARIED, places=2, head=4)
    assert items(found) == [[0, 3, 1, 2]]


def test_an_item_that_is_less_like_the_nearest_of_those_taken_comes_next() -> None:
    """After 0 and 3, item 2 shares half its levels with 0, and item 1 both. They stand in the ranker's order."""
    around = surroundings([1.0] * 4, **SHELVES)
    found = diversified(ranked([3.0, 2.9, 2.8, 2.7]), around, VARIED, places=3, head=4)
    assert items(found) == [[0, 2, 3, 1]]


def test_similarity_weighs_a_shared_department_as_half_of_a_shared_shelf_of_two_levels() -> None:
    """Chances 1, 1 and c: item 2 shares half with item 0, and is taken where 1 - v < c - v / 2."""
    around = surroundings([1.0] * 3, category_1=["food"] * 3, category_2=["milk", "milk", "bread"])
    given_ = ranked([0.0, 0.0, float(np.log(0.8))])
    for variety, expected in ((0.39, [0, 1, 2]), (0.41, [0, 2, 1])):
        assert items(diversified(given_, around, StrengthParams(variety=variety), 2, 3)) == [expected]


def test_what_is_below_the_head_stays_and_so_do_ranks_and_scores() -> None:
    given_ = ranked([4.0, 3.0, 2.0, 1.0], [2.0], [5.0, 4.0])
    found = diversified(given_, surroundings([0.0, 1.0, 9.0, 99.0]), StrengthParams(novelty=100), places=1, head=3)
    assert items(found) == [[2, 0, 1, 3], [0], [1, 0]]
    pd.testing.assert_frame_equal(found.drop(columns="item_id"), given_.drop(columns="item_id"))


def test_a_shop_without_categories_has_no_variety_to_ask_for() -> None:
    given_ = ranked([3.0, 2.0, 1.0])
    pd.testing.assert_frame_equal(diversified(given_, surroundings([1.0] * 3), VARIED, 2, 3), given_)


def test_strengths_of_0_leave_all_as_it_is() -> None:
    given_ = ranked([3.0, 2.9, 2.9, 2.7], [1.0])
    around = surroundings([0.0, 1.0, 2.0, 3.0], **SHELVES)
    pd.testing.assert_frame_equal(diversified(given_, around, StrengthParams(), 2, 4), given_)


def test_nobodys_list_is_empty() -> None:
    nobody = ranked([1.0]).head(0)
    assert diversified(nobody, surroundings([1.0]), NOVEL, 2, 3).empty


@given(
    st.lists(st.tuples(st.floats(-4, 4), st.floats(0, 11)), min_size=1, max_size=30),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(1, 12),
)
def test_more_strength_never_makes_the_first_places_less_novel(
    facts: list[tuple[float, float]], one: float, other: float, places: int
) -> None:
    scores, bits = sorted((score for score, _ in facts), reverse=True), [of for _, of in facts]
    around = surroundings(bits)
    mean = [
        np.mean(
            around.bits[items(diversified(ranked(scores), around, StrengthParams(novelty=n), places, 30))[0][:places]]
        )
        for n in sorted((one, other))
    ]
    assert mean[0] <= mean[1] + 1e-9


def test_more_strength_shows_more_of_the_shop_of_which_each_shopper_knows_another_part() -> None:
    """All shoppers know items 0 to 9, and each has ten of their own that the ranker puts after those."""
    users, own = 20, 10
    rows = [
        (user, item, -0.1 * place, place + 1)
        for user in range(users)
        for place, item in enumerate([*range(10), *range(10 + user * own, 10 + (user + 1) * own)])
    ]
    lists = pd.DataFrame(rows, columns=["user_id", "item_id", "score", "rank"])
    bits = [0.0] * 10 + [float(np.log2(users))] * (users * own)
    shown = []
    for novelty in (0.0, 0.05, 0.1, 0.2, 0.4, 1.0):
        found = diversified(lists, surroundings(bits), StrengthParams(novelty=novelty), 10, 20)
        first = found[found["rank"] <= 10]["item_id"].to_numpy().reshape(users, 10)
        shown.append(coverage(first, 10, np.ones(len(bits), dtype=bool)))
    assert shown == sorted(shown)
    assert shown[0] == 10 / len(bits)
    assert shown[-1] == users * own / len(bits)


def test_bits_are_those_of_the_share_of_shoppers_who_bought_the_item(root: Path) -> None:
    events = pd.read_parquet(root / "data" / "valid" / "events.parquet")
    around = Surroundings.of(recommender(root).retrieval, Valid.read(root / "data" / "valid").items)
    share = events.groupby("item_id")["user_id"].nunique() / events["user_id"].nunique()
    assert around.bits.tolist() == pytest.approx((-np.log2(share.loc[around.items])).tolist())


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return learn(furnish(tmp_path_factory.mktemp("shop"), bought_in_sections(), folds={"train": 1}))


def with_strength(root: Path, strength: StrengthParams | None) -> Params:
    params = load_params(root / "params.yaml")
    asked = DiversityParams() if strength is None else DiversityParams(all=strength, new=strength, places=5, head=20)
    return params.model_copy(update={"diversity": asked})


def parts(root: Path) -> tuple[Path, Path, Path]:
    data = root / "data"
    return root / "models" / "ranker", data / "features" / "serve", data / "candidates" / "serve"


def recommender(root: Path, strength: StrengthParams | None = None) -> Recommender:
    params, items_ = with_strength(root, strength), Valid.read(root / "data" / "valid").items
    return Recommender.assemble(*parts(root), items_, params.candidates, params.diversity)


@pytest.mark.parametrize("task", TASKS)
def test_strength_changes_only_the_first_places_and_nobodys_number_of_items(root: Path, task: Task) -> None:
    users = [*SHOPPERS, "nobody"]
    plain, novel = (recommender(root, of).recommend(users, 12, task) for of in (None, NOVEL))
    by = ["user_id", "rank", "score"]
    pd.testing.assert_frame_equal(plain[by], novel[by])
    assert plain["item_id"].tolist() != novel["item_id"].tolist()
    assert not novel.duplicated(["user_id", "item_id"]).any()
    assert items(plain[plain["user_id"] == "nobody"]) == items(novel[novel["user_id"] == "nobody"])


def test_with_strength_a_shopper_alone_gets_the_list_of_the_batch_and_a_short_one_begins_a_long_one(root: Path) -> None:
    asked = recommender(root, StrengthParams(novelty=0.3, variety=0.3))
    batch = asked.recommend(SHOPPERS, 20).set_index("user_id")["item_id"]
    for user in SHOPPERS[:5]:
        for k in (3, 20):
            assert asked.recommend([user], k)["item_id"].tolist() == batch[user].tolist()[:k]


def test_a_bundle_takes_its_strength_along_and_one_made_before_there_was_any_has_none(
    root: Path, tmp_path: Path
) -> None:
    params, items_ = with_strength(root, NOVEL), Valid.read(root / "data" / "valid").items
    bundle(*parts(root), items_, params.candidates, params.diversity, tmp_path / "bundle")
    taken = Recommender.load(tmp_path / "bundle").recommend(SHOPPERS, 10)
    pd.testing.assert_frame_equal(taken, recommender(root, NOVEL).recommend(SHOPPERS, 10))
    (tmp_path / "bundle" / "diversity.json").unlink()
    before = Recommender.load(tmp_path / "bundle").recommend(SHOPPERS, 10)
    pd.testing.assert_frame_equal(before, recommender(root).recommend(SHOPPERS, 10))


def test_a_head_that_cannot_fill_the_places_is_refused(tmp_path: Path) -> None:
    root = furnish(tmp_path, bought_in_sections(), diversity={"head": 4})
    with pytest.raises(ParamsError, match="head is 4, but 10 places are filled from it: raise head"):
        load_params(root / "params.yaml")
