"""What a version was made with and what is installed here: other code may round differently, or do something else."""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from flows.lineage.passport import machine
from tasks.registry.passport import Passport
from tasks.registry.requirements import locked_requirements


def differences_of_environment(passport: Passport, lock: str) -> list[str]:
    """In words. `lock`: the version's requirements.lock; empty where it had none."""
    then, now = passport.machine, machine()
    of_machine = {"Python": (now.python, then.python), "processor": (now.processor, then.processor)}
    pinned = {**then.libraries, **_pinned(lock)}
    packages = {name: (_installed(name), was) for name, was in pinned.items()}
    return [f"{name} is {here}, was {was}" for name, (here, was) in {**of_machine, **packages}.items() if here != was]


def _pinned(lock: str) -> Mapping[str, str]:
    """Of the packages that are for this machine."""
    return {
        wanted.name: next(iter(wanted.specifier)).version for wanted in locked_requirements(lock) if wanted.specifier
    }


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
