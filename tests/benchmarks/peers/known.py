"""The peers, and the grids that they are tuned on: every value of these was tried on the validation week."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from tasks.schema import TASKS, Task

Settings = dict[str, Any]
THREADS = 2


@dataclass(frozen=True)
class Known:
    made_by: str
    """Module and class."""
    grid: Sequence[Settings]
    tasks: tuple[Task, ...] = field(default=TASKS)
    per_task: bool = False
    """Whether its fit depends on the task even where its settings do not."""
    last_week_only: bool = False
    """For what is slow, or nearly the same as another peer."""
    threads_blas: bool = False
    """Whether its work is BLAS's; else BLAS has one thread, as implicit and LightGBM thread by themselves."""


def _grid(**values: Sequence[Any]) -> list[Settings]:
    """Every combination."""
    return [dict(zip(values, chosen, strict=True)) for chosen in product(*values.values())]


_ALS = _grid(strength=["log", "recent"], factors=[64], alpha=[0.5, 2.0], regularization=[10.0], iterations=[10])
_KNN = _grid(strength=["once", "times", "recent"], neighbours=[20, 200])
_BM25 = [
    *_grid(kind=["bm25"], strength=["times"], neighbours=[20], K1=[100.0], B=[0.0, 0.4]),
    *_grid(kind=["bm25"], strength=["times"], neighbours=[20, 200], K1=[1.2], B=[0.0, 0.4, 0.8]),
]
_BPR = _grid(
    strength=["once"], factors=[64], learning_rate=[0.001, 0.003, 0.01], regularization=[0.001, 0.01], iterations=[100]
)
_LMF = _grid(
    strength=["times", "recent"],
    factors=[30],
    learning_rate=[1.0, 2.0],
    regularization=[0.6, 3.0, 10.0],
    iterations=[30],
)
_TWO_STAGE = _grid(
    generators=[{"bm25": 100, "tfidf": 100, "als": 100, "popular": 50}],
    models=[
        {
            "bm25": {"neighbours": 100},
            "tfidf": {"neighbours": 100},
            "als": {"factors": 64, "alpha": 0.5, "regularization": 10.0, "iterations": 10},
        }
    ],
    half_life=[60.0],
    most_bought=[20_000],
    features=[False, True],
    negatives=[30],
    trees=[100, 300],
)

PEERS: dict[str, Known] = {
    "popular": Known("of_history:Popular", _grid(days=[7, 28, 91])),
    "personal top frequency": Known(
        "of_history:TopFrequency", _grid(half_life=[None, 15, 30, 60, 120]), tasks=("all",)
    ),
    "TIFU-KNN": Known(
        "neighbours:TifuKnn",
        _grid(neighbours=[300], group_size=[7], within_decay=[0.9], group_decay=[0.7, 0.9], alpha=[0.5, 0.9]),
    ),
    "user kNN with time decay": Known(
        "neighbours:DecayedUserKnn", _grid(neighbours=[50, 200], half_life=[30, 60], power=[1.0], own=[10.0, 30.0])
    ),
    "implicit ALS": Known("of_implicit:ImplicitAls", _ALS),
    "implicit BM25 kNN": Known("of_implicit:ImplicitKnn", [{"kind": "bm25"} | of for of in _KNN] + _BM25),
    "implicit TF-IDF kNN": Known(
        "of_implicit:ImplicitKnn", [{"kind": "tfidf"} | of for of in _KNN], last_week_only=True
    ),
    "implicit cosine kNN": Known(
        "of_implicit:ImplicitKnn", [{"kind": "cosine"} | of for of in _KNN], last_week_only=True
    ),
    "implicit BPR": Known("of_implicit:ImplicitBpr", _BPR, last_week_only=True),
    "implicit LMF": Known("of_implicit:ImplicitLmf", _LMF, last_week_only=True),
    "RecTools ALS": Known("of_rectools:RecToolsModel", [{"kind": "als"} | of for of in _ALS], last_week_only=True),
    "RecTools item kNN": Known(
        "of_rectools:RecToolsModel", [{"kind": "bm25"} | of for of in _KNN], last_week_only=True
    ),
    "RecTools EASE": Known(
        "of_rectools:RecToolsModel",
        _grid(kind=["ease"], strength=["log", "times"], most_bought=[5_000], regularization=[500.0, 2_000.0, 10_000.0]),
        threads_blas=True,
    ),
    "RecTools two-stage": Known("two_stage:RecToolsTwoStage", _TWO_STAGE, per_task=True),
    "LensKit ItemKNN": Known(
        "of_lenskit:LensKitItemKnn",
        _grid(strength=["once"], most_bought=[10_000], neighbours=[20, 100, 400]),
        per_task=True,
        last_week_only=True,
    ),
    "LensKit ImplicitMF": Known(
        "of_lenskit:LensKitImplicitMf",
        _grid(
            strength=["log", "recent"],
            most_bought=[10_000],
            factors=[64],
            weight=[0.5, 2.0, 10.0],
            regularization=[0.1],
            epochs=[10],
        ),
        per_task=True,
        last_week_only=True,
    ),
}
