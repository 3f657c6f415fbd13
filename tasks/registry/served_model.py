"""The model as MLflow serves it: a thin shell around the bundle's `Recommender`.

Logged as code (never pickled), and run by MLflow from the copy that lies in the model's own folder, with the copy of
`tasks` that lies beside it.
"""

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

BUNDLE = "bundle"
"""Name of the artifact that holds the recommender's folder."""


class ServedRecommender(PythonModel):
    """`predict(DataFrame of user_id, params={"k": 10, "task": "all"})` gives `user_id, rank, item_id, score`."""

    def load_context(self, context: PythonModelContext) -> None:
        from tasks.recommender import Recommender

        self.recommender = Recommender.load(Path(context.artifacts[BUNDLE]))

    def predict(  # pyright: ignore[reportIncompatibleMethodOverride]  # MLflow annotates nothing there
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        del context
        wanted = {"k": 10, "task": "all", **(params or {})}
        users = model_input["user_id"].tolist()
        found = self.recommender.recommend(users, k=wanted["k"], task=wanted["task"])
        return found[["user_id", "rank", "item_id", "score"]].reset_index(drop=True)


set_model(ServedRecommender())
