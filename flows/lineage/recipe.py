"""The recipe of a version: the small files that say how it was made, as they lie among the artifacts of its run."""

from pathlib import Path

from tasks.errors import ShoprecError
from tasks.params import Params, load_params
from tasks.versioning import pointers

FOLDER = "recipe"
_AT_THE_TOP = ("dvc.lock", "dvc.yaml", "params.yaml", "requirements.lock")


def recipe_files(root: Path, instead: Path | None = None) -> dict[str, list[Path]]:
    """Folder among the run's artifacts to the files that go there; paths below `recipe/` are as in the project.

    `instead`: a folder whose files take the place of those at the project's top.
    """
    top = [instead / name if instead and (instead / name).is_file() else root / name for name in _AT_THE_TOP]
    found: dict[str, list[Path]] = {}
    for path in [*top, *sorted(root.glob("expectations/*.json")), *pointers(root)]:
        if path.is_file():
            within = "." if path in top else path.relative_to(root).parent.as_posix()
            found.setdefault(FOLDER if within == "." else f"{FOLDER}/{within}", []).append(path)
    return found


def refuse_changed_params(root: Path, params: Params) -> None:
    """Raises ShoprecError: what is logged as the recipe would not be what was run, nor what a rebuild needs."""
    if load_params(root / "params.yaml") != params:
        raise ShoprecError(f"{root / 'params.yaml'} was changed while the run was under way; run again")
