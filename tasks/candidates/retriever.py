"""The one interface of all retrievers: fitted on a history, it scores the universe for a block of users."""

from typing import Any, Protocol

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from tasks.candidates.scores import Scores

Arrays = dict[str, NDArray[Any]]


class FittedRetriever(Protocol):
    """A retriever as of one cutoff; all that it knows is in `arrays`, so that it can be stored without pickle."""

    def scores(self, users: NDArray[np.intp]) -> Scores:
        """A row a user, for positions of users in the history, and a column an item of the universe, or of all."""
        ...

    def arrays(self) -> Arrays: ...


def pack(name: str, matrix: sp.csr_matrix) -> Arrays:
    """A sparse matrix as named arrays."""
    return {
        f"{name}.data": matrix.data,
        f"{name}.indices": matrix.indices,
        f"{name}.indptr": matrix.indptr,
        f"{name}.shape": np.array(matrix.shape),
    }


def unpack(name: str, arrays: Arrays) -> sp.csr_matrix:
    """The inverse of `pack`."""
    parts = (arrays[f"{name}.data"], arrays[f"{name}.indices"], arrays[f"{name}.indptr"])
    return sp.csr_matrix(parts, shape=tuple(arrays[f"{name}.shape"]))
