"""The page docs/features.md says what the ranker really reads."""

from pathlib import Path

import numpy as np
import pandas as pd

from tasks.candidates.union import Retrieval
from tasks.features.catalogue import chapters, render
from tasks.features.frame import FeatureTables, category_codes
from tasks.params import load_params
from tests.features.shops import FOLD, ITEMS, LINES, SHOP, computed, event_table, promotion_table, valid

PROJECT = Path(__file__).parents[2]
PARAMS = load_params(PROJECT / "params.yaml")


def test_the_committed_page_is_the_one_that_the_definitions_give() -> None:
    page = (PROJECT / "docs" / "features.md").read_text(encoding="utf-8")
    again = render(chapters(PARAMS.features, PARAMS.candidates))
    assert page == again, "run: python -m tasks.features.catalogue --out docs/features.md"


def test_the_page_names_every_column_of_the_rankers_frame_and_no_other(tmp_path: Path) -> None:
    items = ITEMS.assign(category_3=["jam", "oats", "tea"])
    promotions = promotion_table(("oat", "2024-03-04", "2024-03-11", "mailer", 0.9))
    given = valid(event_table(LINES), items, promotions)
    folder = computed(given, tmp_path, PARAMS.features)
    retrieval = Retrieval.to_learn(given.events, promotions, FOLD, PARAMS.candidates, SHOP)
    candidates = retrieval.candidates(np.arange(2), "all", PARAMS.candidates)
    frame = FeatureTables(folder, items, category_codes(items)).frame(candidates)
    told = [name for chapter in chapters(PARAMS.features, PARAMS.candidates) for name, _ in chapter.features]
    assert len(told) == len(set(told))
    assert set(told) == set(frame.names)


def test_every_definition_is_a_sentence() -> None:
    for chapter in chapters(PARAMS.features, PARAMS.candidates):
        for name, definition in chapter.features:
            assert definition[0].isupper(), name
            assert definition.endswith("."), name
            assert "|" not in definition, name


def test_a_retriever_that_is_off_is_not_in_it() -> None:
    off = PARAMS.candidates.model_copy(update={"als": PARAMS.candidates.als.model_copy(update={"enabled": False})})
    told = pd.Series([name for chapter in chapters(PARAMS.features, off) for name, _ in chapter.features])
    assert not told.str.startswith("als").any()
