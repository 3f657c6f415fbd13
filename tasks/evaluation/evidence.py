"""What an evaluation judges: the lists of every system on one fold, and the facts they are judged by."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from tasks.folds import Fold
from tasks.schema import Task

SYSTEM = "system"
TASK = "task"
LABEL = "label"
FEATURE = "feature"
GAIN = "gain"
BUYERS = "buyers"
AGE_DAYS = "age_days"
EVENTS = "events"
TENURE_DAYS = "tenure_days"

SHOPREC = "shoprec"
"""The two-stage recommender among the systems; every other system is a retriever on its own."""
RANK_SUFFIX = "_rank"


@dataclass(frozen=True)
class Evidence:
    """One fold's lists, labels and facts; ids as the shop has them."""

    fold: Fold
    lists: pd.DataFrame
    """`system, task, user_id, item_id, rank` (from 1); no item twice in a list, no rank twice."""
    labels: pd.DataFrame
    """`task, user_id, item_id`: the relevant pairs. A user of at least one is scored, and scores 0 without a list."""
    candidates: pd.DataFrame
    """`task, user_id, item_id` and a `<retriever>_rank` a retriever, null where it did not propose the pair."""
    items: pd.DataFrame
    """`item_id, buyers, age_days`, and `category_1 …` where known. Buyers are distinct users before the cutoff; age
    counts from the first sale to the cutoff. The catalogue is all items with a buyer."""
    users: pd.DataFrame
    """`user_id, events, tenure_days` as of the cutoff, and any attribute columns."""
    scores: pd.DataFrame
    """`task, score, label`: a sample of candidates with the ranker's raw score and 0/1."""
    importance: pd.DataFrame
    """`task, feature, gain`."""
    drawn_from: Mapping[Task, int] = field(default_factory=dict)
    """How many users have a label on the task, of whom those in `labels` were drawn; a task without: all are judged."""

    def retrievers(self) -> list[str]:
        """The retrievers that have a rank column among the candidates, in its order."""
        return [c.removesuffix(RANK_SUFFIX) for c in self.candidates.columns if c.endswith(RANK_SUFFIX)]
