"""What the page says of strengths follows from their values."""

from datetime import date

import numpy as np
import pandas as pd

from tasks.params.ranker import StrengthParams
from tests.benchmarks.diversity_page import Found, Listed, Swept, in_words

USERS = pd.Index(range(50), name="user_id")


def values(ndcg: float, coverage: float, novelty: float) -> pd.DataFrame:
    of = {"ndcg@10": ndcg, "recall@20": 0.2, "coverage@10": coverage, "novelty@10": novelty, "diversity@10": 0.8}
    return pd.DataFrame({name: np.full(len(USERS), value) for name, value in of.items()}, index=USERS)


def test_the_highest_strength_that_costs_no_more_than_half_a_per_cent_is_named_and_the_one_of_a_peers_ndcg() -> None:
    ndcgs = {0.0: 0.2, 0.01: 0.1995, 0.02: 0.1991, 0.03: 0.198, 0.04: 0.15}
    by_novelty = [Listed(StrengthParams(novelty=n), values(ndcg, 0.1 + n, 4 + n), 0.5) for n, ndcg in ndcgs.items()]
    peers = {"weak": values(0.1, 0.9, 9.0), "strong": values(0.19, 0.11, 4.02)}
    swept = Swept(by_novelty, by_novelty[:1], peers)
    page = in_words(Found(date(2024, 1, 2), date(2024, 1, 1), {"all": swept}, 10, 100, 200, 1))
    assert "novelty 0.02 is the highest tried at which no more than 0.5% of NDCG@10 was lost" in page
    assert "catalogue coverage@10 0.1200 and novelty@10 4.0200, instead of catalogue coverage@10 0.1000" in page
    assert "The best peer, strong, has" in page
    assert "At novelty 0.03 shoprec has no less NDCG@10 than that (0.1980)" in page
    assert "| 0.04 | 0.1500 | 25.0% | 25.0% to 25.0% |" in page


def test_a_shop_without_kept_lists_of_peers_is_shown_alone() -> None:
    alone = [Listed(StrengthParams(), values(0.2, 0.1, 4.0), 0.5)]
    page = in_words(Found(date(2024, 1, 2), date(2024, 1, 1), {"new": Swept(alone, alone, {})}, 10, 100, 200, 1))
    assert "peer" not in page
