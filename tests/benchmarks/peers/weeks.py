"""The weeks that everybody is tested on, cut as a retrain at the end of each week would cut its folds."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from tasks.folds import Fold, labels, make_folds, targets
from tasks.ingestion.storage import write_tables
from tasks.ingestion.valid import Valid
from tasks.params import Params
from tasks.params.ranker import FoldParams
from tasks.schema import TASKS, TIMESTAMP, USER, TableName, Task
from tests.benchmarks.peers.history import History

HISTORY, USERS = "history", "users.parquet"


@dataclass(frozen=True)
class Weeks:
    """`tested` weeks, numbered from 0, the last of the data, backwards; a week's number back is how old it is."""

    valid: Valid
    params: Params
    tested: int

    @cached_property
    def _folds(self) -> Sequence[Fold]:
        """Every labelled fold that some week needs, from the oldest."""
        train = self.params.folds.train + self.tested - 1
        changed = FoldParams(horizon_days=self.params.folds.horizon_days, train=train)
        return make_folds(self.valid.events, changed, self.params.shop)[:-1]

    def test(self, back: int) -> Fold:
        return self._folds[-1 - back]

    def validation(self, back: int) -> Fold:
        """The week before."""
        return self.test(back + 1)

    def learned_from(self, back: int) -> dict[str, Fold]:
        """The train and validation folds of a retrain that is tested on the week, by the names that it gives them."""
        train = self.params.folds.train
        named = {f"train-{n}": self.test(back + 1 + n) for n in range(train, 0, -1)}
        return named | {"validation": self.validation(back)}

    def labels(self, fold: Fold, task: Task) -> pd.DataFrame:
        return labels(self.valid.events, fold, self.params.shop, task)

    def until(self, fold: Fold) -> Valid:
        """The tables as they were at the end of the fold."""
        events = self.valid.events
        return Valid(events[events[TIMESTAMP] < fold.end], self.valid.items, self.valid.users, self.valid.promotions)

    def write_valid(self, fold: Fold, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        valid = self.until(fold)
        tables: dict[TableName, pd.DataFrame] = {"events": valid.events, "items": valid.items, "users": valid.users}
        if valid.promotions is not None:
            tables["promotions"] = valid.promotions
        write_tables(tables, folder)

    def write_for_peers(self, fold: Fold, folder: Path) -> None:
        """What a peer is given: purchases before the cutoff, and the shoppers whom it is asked for."""
        self.history(fold).save(folder / HISTORY)
        self.asked(fold).to_parquet(folder / USERS, index=False)

    def history(self, fold: Fold) -> History:
        bought = targets(self.valid.events, self.params.shop)
        return History.of(bought[bought[TIMESTAMP] < fold.cutoff], fold.cutoff)

    def asked(self, fold: Fold) -> pd.DataFrame:
        found = [self.labels(fold, task)[[USER]] for task in TASKS]
        return pd.concat(found).drop_duplicates().sort_values(USER, ignore_index=True)
