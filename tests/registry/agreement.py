"""What is true after every change, however it ended."""

from tasks.registry import standing
from tasks.registry.ledger import Ledger
from tasks.registry.marks import _BUILT_IN  # pyright: ignore[reportPrivateUsage]
from tasks.registry.registry import Registry
from tasks.registry.versions import ALIASES


def assert_all_agree(registry: Registry, ledger: Ledger) -> None:
    """Ledger, aliases, tags and built-in stages say the same, and nothing is left begun."""
    entries, aliases, versions = ledger.entries(), registry.marks.aliases(), registry.marks.versions()
    assert standing.cut_short(entries) is None
    assert ledger.check() is None
    changes = standing.made(entries)
    for stage, alias in ALIASES.items():
        holders = [number for number, version in versions.items() if version.stage == stage]
        assert holders == ([aliases[alias]] if alias in aliases else []), (stage, aliases)
        assert standing.holder(changes, stage) == aliases.get(alias)
    for number, entry in standing.latest(changes).items():
        if number in versions:
            assert versions[number].stage == standing.stage_after(entry, number)
            found = registry.marks.client.get_model_version(registry.name, str(number))
            assert found.current_stage == _BUILT_IN[versions[number].stage]
    times = standing.served(changes)
    if times and times[-1].until is None and times[-1].instead_of in versions:
        assert aliases["previous"] == times[-1].instead_of
