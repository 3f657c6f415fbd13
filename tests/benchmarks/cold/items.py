"""Items that nobody ever bought before a week, ranked among themselves: content against what else is known of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.candidates.history import History
from tasks.candidates.newcomers import Newcomers
from tasks.candidates.union import Retrieval
from tasks.evaluation.metrics import ndcg
from tasks.folds import targets
from tasks.recommender.unsold import Unsold
from tasks.schema import BRAND, ITEM, TIMESTAMP, USER, categories
from tests.benchmarks.cold.shoppers import K
from tests.benchmarks.peers.weeks import Weeks

RANDOM, OF_CATEGORY, OF_BRAND, CONTENT = "random", "best-selling category", "best-selling brand", "content"


@dataclass(frozen=True)
class ColdItems:
    """A week before which some items were never sold, as far as the shop knows."""

    weeks: Weeks
    back: int
    hidden: NDArray[Any]
    """Ids; their sales are hidden, and they alone are ranked. Where there are none, all of the catalogue's are."""

    def values(self) -> pd.DataFrame:
        """NDCG@10: a row a shopper with a history who bought such an item in the week, a column a system."""
        users = pd.Index(self._bought[USER].unique()).sort_values()
        lists = self._unsold.best(users.to_numpy(), self._state.positions(users.to_numpy()), K)
        order = pd.Index(self._unsold.items).get_indexer(pd.Index(lists[ITEM])).reshape(len(users), -1)
        orders = {name: np.tile(of, (len(users), 1)) for name, of in self._same_for_all().items()} | {CONTENT: order}
        return pd.DataFrame({name: self._ndcg(users, of) for name, of in orders.items()}, users)

    def _ndcg(self, users: pd.Index, order: NDArray[np.intp]) -> NDArray[np.float64]:
        """`order`: (n_users, K) positions of unsold items, best first."""
        items = pd.Index(self._unsold.items)
        rows = users.get_indexer(pd.Index(self._bought[USER]))
        relevant = np.unique(rows * len(items) + items.get_indexer(pd.Index(self._bought[ITEM])))
        hits = np.zeros((len(users), K), np.bool_)
        hits[:, : order.shape[1]] = np.isin(np.arange(len(users))[:, None] * len(items) + order, relevant)
        return ndcg(hits, np.bincount(relevant // len(items), minlength=len(users)), K)

    def _same_for_all(self) -> Mapping[str, NDArray[np.intp]]:
        """Of equal ones, any."""
        items = pd.Index(self._unsold.items)
        drawn = np.random.default_rng(self.back).permutation(len(items))
        described = self.weeks.valid.items.set_index(ITEM)
        orders = {RANDOM: drawn[:K]}
        events = pd.Series(np.asarray(self._state.owned.sum(axis=0)).ravel(), self._state.items)
        for name, column in ((OF_CATEGORY, self._narrowest), (OF_BRAND, BRAND)):
            sold = events.groupby(described[column].reindex(events.index).to_numpy()).sum()
            of_item = sold.reindex(described[column].reindex(items[drawn])).fillna(0).to_numpy()
            orders[name] = drawn[np.argsort(-of_item, kind="stable")[:K]]
        return orders

    @cached_property
    def _state(self) -> Retrieval:
        events, cutoff = self.weeks.valid.events, self.weeks.test(self.back).cutoff
        history = History.as_of(
            events[~events[ITEM].isin(self.hidden)], cutoff, self.weeks.params.candidates, self.weeks.params.shop
        )
        nobody = Newcomers.by_buyers(history.n_universe, len(history.items))
        return Retrieval(history.users, history.items, history.n_universe, history.owned(), {}, nobody)

    @cached_property
    def _unsold(self) -> Unsold:
        items = self.weeks.valid.items
        ranked = items[items[ITEM].isin(self.hidden)] if len(self.hidden) else items
        sold = items[items[ITEM].isin(self._state.items)]
        return Unsold.of(self._state, pd.concat([sold, ranked]))

    @cached_property
    def _bought(self) -> pd.DataFrame:
        """`user_id, item_id`"""
        fold, bought = self.weeks.test(self.back), targets(self.weeks.valid.events, self.weeks.params.shop)
        inside = (bought[TIMESTAMP] >= fold.cutoff) & (bought[TIMESTAMP] < fold.end)
        found = bought.loc[inside, [USER, ITEM]].drop_duplicates()
        return found[found[ITEM].isin(self._unsold.items) & found[USER].isin(self._state.users)]

    @property
    def _narrowest(self) -> str:
        return categories(list(self.weeks.valid.items.columns))[-1]


def hidden_tenth(weeks: Weeks, back: int, seed: int) -> ColdItems:
    """A tenth of what enough people bought lately."""
    history = History.as_of(weeks.valid.events, weeks.test(back).cutoff, weeks.params.candidates, weeks.params.shop)
    universe = np.sort(history.items[: history.n_universe])
    return ColdItems(
        weeks, back, np.random.default_rng(seed + back).choice(universe, len(universe) // 10, replace=False)
    )


def never_sold(weeks: Weeks, back: int) -> ColdItems:
    """All of the catalogue that nobody ever bought."""
    return ColdItems(weeks, back, weeks.valid.items[ITEM].to_numpy()[:0])
