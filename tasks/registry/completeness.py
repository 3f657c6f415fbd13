"""Whether a version's model can still be read: a rollback has to know before it touches what serves.

A model is logged with a list of its files and their sizes, inside its MLmodel. Going through that list reads one small
file and some folder listings, so it takes no longer for a large model, or one in a remote store.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from mlflow.artifacts import load_text
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from tasks.errors import ShoprecError

MANIFEST = "files"
"""In the metadata of MLmodel: path of each file of ours within the model, and its bytes."""
_DESCRIPTION = "MLmodel"


def manifest(bundle: Path, package: Path) -> dict[str, int]:
    """Of a model that is about to be logged with these two folders."""
    return _sizes(bundle, "artifacts") | _sizes(package, "code")


def refuse_incomplete(name: str, number: int) -> None:
    """Raises ShoprecError, naming the first file that is missing or cut off."""
    root = f"models:/{name}/{number}"
    files = files_of_model(root)
    wanted = {_DESCRIPTION: None} if _DESCRIPTION not in files else _wanted(_description(root))
    for path, size in wanted.items():
        if path not in files:
            raise ShoprecError(f"{name} version {number} cannot serve: {path} is missing among its files; {_ADVICE}")
        if size is not None and files[path] != size:
            raise ShoprecError(
                f"{name} version {number} cannot serve: {path} has {files[path]:,} bytes, but was logged with {size:,};"
                f" {_ADVICE}"
            )


_ADVICE = "what serves was left as it is. Name another version, or restore that file in MLflow's artifact store"


def _sizes(folder: Path, under: str) -> dict[str, int]:
    files = (p for p in sorted(folder.rglob("*")) if p.is_file() and "__pycache__" not in p.parts)
    return {f"{under}/{folder.name}/{p.relative_to(folder).as_posix()}": p.stat().st_size for p in files}


def files_of_model(uri: str) -> dict[str, int]:
    """All of the model's, by their path within it, with their bytes."""
    found: dict[str, int] = {}
    store = get_artifact_repository(uri)  # once: mlflow.artifacts would look the address up for each folder
    waiting = [""]
    while waiting:
        for entry in store.list_artifacts(waiting.pop()):
            if entry.is_dir:
                waiting.append(entry.path)
            else:
                found[entry.path] = entry.file_size or 0  # a server leaves out the size of an empty file
    return found


def _description(root: str) -> Mapping[str, Any]:
    try:
        found = yaml.safe_load(load_text(f"{root}/{_DESCRIPTION}"))
    except yaml.YAMLError:
        found = None
    if not isinstance(found, dict) or "flavors" not in found:
        raise ShoprecError(f"{root} cannot serve: its {_DESCRIPTION} does not describe a model; {_ADVICE}")
    return found


def _wanted(description: Mapping[str, Any]) -> dict[str, int | None]:
    """Files with their sizes; of a model from before manifests were logged, only that its program is there is known."""
    program = description["flavors"].get("python_function", {}).get("model_code_path")
    listed = (description.get("metadata") or {}).get(MANIFEST) or {}
    return ({Path(program).name: None} if program else {}) | listed
