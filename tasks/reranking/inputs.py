"""What is known of the folds that a ranker learns from or is tried on: candidates, features, and what was bought."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.features.frame import FeatureTables, Frame, category_codes
from tasks.folds import Fold, labels
from tasks.ingestion.valid import Valid
from tasks.params.ranker import BoosterParams
from tasks.params.shop import ShopParams
from tasks.reranking.examples import Examples, examples, is_relevant, sample_rows
from tasks.schema import Task


@dataclass(frozen=True)
class Inputs:
    valid: Valid
    shop: ShopParams
    features: Path
    """A folder a fold, and so in `candidates`."""
    candidates: Path

    def labelled(self, fold: Fold, task: Task) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
        """The candidates of a train or validation fold, and for each whether it was bought in the fold's horizon."""
        candidates = pd.read_parquet(self.candidates / fold.name / f"{task}.parquet")
        return candidates, is_relevant(candidates, labels(self.valid.events, fold, self.shop, task))

    def frame(self, fold: Fold, candidates: pd.DataFrame) -> Frame:
        tables = FeatureTables(self.features / fold.name, self.valid.items, category_codes(self.valid.items))
        return tables.frame(candidates)

    def examples(self, fold: Fold, task: Task, params: BoosterParams) -> Examples:
        """What is learned from, or stopped on, in one fold: a sample of its rows; see `sample_rows`."""
        candidates, relevant = sample_rows(*self.labelled(fold, task), *params.sampling)
        return examples(self.frame(fold, candidates), relevant)
