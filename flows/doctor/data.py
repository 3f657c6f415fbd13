"""DVC's remotes: whether data can be kept there."""

from flows.doctor.findings import Finding, fail, ok, warn
from flows.doctor.places import why_not_writable
from flows.settings import Settings
from tasks.addresses import without_password
from tasks.versioning.repository import refusal_of
from tasks.versioning.stores import Store
from tasks.versioning.stores import remotes as configured

LIMIT_S = 30.0
"""For a remote to answer; DVC itself takes seconds to start."""
_NOTHING_THERE = "does not exist"
"""DVC's words for a place that was asked for, and holds nothing."""


def remotes(settings: Settings) -> list[Finding]:
    """A line each. To lose the one that is pushed to stops a run; another one does not."""
    known = configured(settings.root)
    found = [_remote(settings, name, store, name == known.default) for name, store in known.by_name.items()]
    if known.default in known.by_name:
        return found
    named = "names none" if known.default is None else f"names '{known.default}', which is not configured"
    return [
        *found,
        fail("remotes", f"core.remote in .dvc/config {named}", "dvc remote default NAME; see dvc remote list"),
    ]


def _remote(settings: Settings, name: str, store: Store, is_default: bool) -> Finding:
    where = without_password(store.address)
    if store.folder is not None:
        why, well = why_not_writable(store.folder), "can be written"
    else:
        why, well = refusal_of(settings.root, name, LIMIT_S), "can be listed by DVC"
    if why is None:
        return ok(store.name, f"{where} {well}")
    if store.folder is None and _NOTHING_THERE in why:
        return warn(store.name, f"{where} answers, and has nothing there", "right before the first push; else its url")
    mend = "start or mount it, give this user the right to write, or set another url: dvc remote modify"
    return (fail if is_default else warn)(store.name, f"{where}: {why}", mend)
