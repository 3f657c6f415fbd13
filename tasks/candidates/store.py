"""A retrieval on disk: arrays as npz, ids as Parquet, no pickle."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from tasks.candidates.als import Als
from tasks.candidates.ease import Ease
from tasks.candidates.neighbours import Neighbours
from tasks.candidates.newcomers import Newcomers
from tasks.candidates.own_history import OwnHistory
from tasks.candidates.popularity import Popularity
from tasks.candidates.retriever import Arrays, pack, unpack
from tasks.candidates.union import Retrieval
from tasks.schema import ITEM, USER

_NEWCOMERS = "newcomers.npz"
_KINDS = {kind.__name__: kind for kind in (Als, Ease, Neighbours, OwnHistory, Popularity)}


def save_retrieval(retrieval: Retrieval, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame({USER: retrieval.users}).to_parquet(folder / "users.parquet", index=False)
    pd.DataFrame({ITEM: retrieval.items}).to_parquet(folder / "items.parquet", index=False)
    _save(folder / "owned.npz", pack("owned", retrieval.owned))
    _save(folder / _NEWCOMERS, retrieval.newcomers.arrays())
    kinds = {}
    for name, retriever in retrieval.retrievers.items():
        kinds[name] = type(retriever).__name__
        _save(folder / f"retriever-{name}.npz", retriever.arrays())
    about = {"n_universe": retrieval.n_universe, "retrievers": kinds}
    (folder / "retrieval.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def _save(path: Path, arrays: Arrays) -> None:
    np.savez(path, allow_pickle=False, **arrays)


def load_retrieval(folder: Path) -> Retrieval:
    about = json.loads((folder / "retrieval.json").read_text(encoding="utf-8"))
    retrievers = {}
    for name, kind in about["retrievers"].items():
        with np.load(folder / f"retriever-{name}.npz", allow_pickle=False) as arrays:
            retrievers[name] = _KINDS[kind].from_arrays(dict(arrays))
    with np.load(folder / "owned.npz", allow_pickle=False) as arrays:
        owned = unpack("owned", dict(arrays))
    items = pd.read_parquet(folder / "items.parquet")[ITEM].to_numpy()
    return Retrieval(
        users=pd.read_parquet(folder / "users.parquet")[USER].to_numpy(),
        items=items,
        n_universe=about["n_universe"],
        owned=owned,
        retrievers=retrievers,
        newcomers=_load_newcomers(folder / _NEWCOMERS, about["n_universe"], len(items)),
    )


def _load_newcomers(path: Path, n_universe: int, n_items: int) -> Newcomers:
    if not path.exists():  # in a bundle made before there was one
        return Newcomers.by_buyers(n_universe, n_items)
    with np.load(path, allow_pickle=False) as arrays:
        return Newcomers.from_arrays(dict(arrays))
