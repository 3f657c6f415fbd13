"""What a lock pins on this machine, and what of it a served model needs: no more than serving takes."""

from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

SERVING = (
    "mlflow",
    "pandas",
    "numpy",
    "scipy",
    "pyarrow",
    "duckdb",
    "ibis-framework[duckdb]",
    "implicit",
    "lightgbm",
    "pydantic",
    "pyyaml",
    "threadpoolctl",
)
"""What the recommender imports, and what loads it."""


def serving_requirements(packages: Sequence[str] = SERVING) -> list[str]:
    """`name==version` of the packages and all that they need, as installed here, which is as locked."""
    pins: dict[str, str] = {}
    waiting = [Requirement(p) for p in packages]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        wanted = waiting.pop()
        name, extras = canonicalize_name(wanted.name), frozenset(wanted.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            found = distribution(name)
        except PackageNotFoundError:  # an alternative that its marker allows, but the lock did without
            continue
        pins[name] = found.version
        waiting += [need for text in found.requires or [] if _applies(need := Requirement(text), extras)]
    return [f"{name}=={version}" for name, version in sorted(pins.items())]


def locked_requirements(lock: str) -> Iterator[Requirement]:
    """Of the text of a requirements.lock, those that are for this machine."""
    for line in lock.splitlines():
        text = line.partition("#")[0].strip()
        if text and _applies(need := Requirement(text), frozenset()):
            yield need


def _applies(need: Requirement, extras: frozenset[str]) -> bool:
    return need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in extras or {""})
