"""Where data comes from, as far as that can be lost, and DVC's remotes: whether data can be kept there."""

from flows.doctor.findings import Finding, fail, ok, warn
from flows.doctor.places import why_not_writable
from flows.settings import Settings
from tasks.addresses import without_password
from tasks.errors import ShoprecError
from tasks.params import load_params
from tasks.versioning.repository import refusal_of
from tasks.versioning.stores import Store
from tasks.versioning.stores import remotes as configured

LIMIT_S = 30.0
"""For a remote to answer; DVC itself takes seconds to start."""
_SOURCE_LIMIT_S = 5
_NOTHING_THERE = "does not exist"
"""DVC's words for a place that was asked for, and holds nothing."""


def source(settings: Settings) -> list[Finding]:
    """A shop's database. Files are looked at when they are read; faults of params.yaml are told by `project.params`."""
    try:
        given = load_params(settings.root / "params.yaml").source
    except ShoprecError:
        return []
    if given.adapter != "sql" or given.sql is None:
        return []
    from tasks.ingestion.sources.sql import where_and_what  # imports pandas

    where, queries = where_and_what(given.sql, _SOURCE_LIMIT_S)
    return [ok("source", f"{where} answers, and its columns fit all {queries} queries of source.sql")]


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
