"""Whether another version would make the state that this project's stages made: then it need not be made again."""

from pathlib import Path

from tasks.candidates.__main__ import CODE as CANDIDATES
from tasks.features.__main__ import CODE as FEATURES
from tasks.kept_folds import code_files
from tasks.params import Params, load_params

_CODE = (*sorted({*CANDIDATES, *FEATURES}), "recommender")
"""Of `tasks`: what makes a state, and what reads it."""
_SECTIONS = ("shop", "features", "candidates")
"""Of the params: all else that a state depends on, besides the data and the fold."""


def params_of_like_state(code: Path, params: Path, root: Path, ours: Params) -> Params | None:
    """The version's params, where its code in the folder `code` and they would make the state of any fold that the
    stages in `root` make by `ours`; else None."""
    if code_files(_CODE, code / "tasks") != code_files(_CODE, root / "tasks"):
        return None
    theirs = load_params(params)
    same = all(getattr(theirs, section) == getattr(ours, section) for section in _SECTIONS)
    return theirs if same else None
