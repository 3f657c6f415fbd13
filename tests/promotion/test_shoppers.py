"""Typical shoppers with the lists of both sides, as the duel finds them."""

import pytest

from tasks.evaluation.evidence import Evidence
from tasks.folds import labels, make_folds
from tasks.ingestion.valid import Valid
from tasks.params import Params, load_params
from tasks.promotion.measure import Side, evidence_of, measure
from tasks.promotion.shoppers import PER_TASK, shoppers_side_by_side
from tests.shop import bought_in_sections, furnish


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> tuple[Valid, Params, Evidence, Side, Side]:
    """The challenger lists what each shopper will buy; the champion two articles, whoever asks."""
    root = furnish(tmp_path_factory.mktemp("shop"), bought_in_sections())
    params, valid = load_params(root / "params.yaml"), Valid.read(root / "data" / "valid")
    fold = next(f for f in make_folds(valid.events, params.folds, params.shop) if f.kind == "test")
    bought = labels(valid.events, fold, params.shop, "all").assign(task="all").sort_values(["user_id", "item_id"])
    bought["rank"] = bought.groupby("user_id").cumcount() + 1
    items = valid.items["item_id"].head(2)
    others = bought[["task", "user_id"]].drop_duplicates().merge(items, how="cross")
    others["rank"] = others.groupby("user_id").cumcount() + 1
    champion, challenger = Side(5, others, 1.0, 1.0), Side(7, bought, 1.0, 1.0)
    return valid, params, evidence_of(valid, fold, params, champion, challenger), champion, challenger


def test_both_sides_lists_are_those_of_the_same_typical_shoppers(
    known: tuple[Valid, Params, Evidence, Side, Side],
) -> None:
    valid, params, evidence, champion, challenger = known
    shoppers = [one for one in shoppers_side_by_side(evidence, valid, params.shop) if one.task == "all"]
    titles = valid.items.set_index("item_id")["title"]
    assert len({one.user for one in shoppers}) == PER_TASK
    for one in shoppers:
        mine = challenger.lists[challenger.lists["user_id"] == one.user].head(10)
        assert [item.title for item in one.challenger] == [titles[item] for item in mine["item_id"]]
        assert all(item.bought for item in one.challenger)
        assert one.bought == len(one.challenger)
        theirs = champion.lists[champion.lists["user_id"] == one.user]
        assert [item.title for item in one.champion] == [titles[item] for item in theirs["item_id"]]


def test_what_is_measured_is_of_the_same_evidence(known: tuple[Valid, Params, Evidence, Side, Side]) -> None:
    _, params, evidence, champion, challenger = known
    found = measure(evidence, params, champion, challenger, {"tasks": {}}, 1, accepted=True)
    assert (found.champion, found.challenger, found.cutoff) == (5, 7, evidence.fold.cutoff)
    assert (found.tasks["all"].metrics["ndcg@10"].difference >= 0).all()
