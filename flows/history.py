"""The ledger for people, and for programs."""

import json
from dataclasses import asdict
from datetime import UTC, datetime

from rich import box
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from flows.production import History
from tasks.registry import standing
from tasks.registry.entries import Entry
from tasks.registry.standing import Served
from tasks.registry.texts import visible

COLOURS = {"production": "green", "staging": "yellow", "rejected": "red"}
_LONGEST_WHY, _LONGEST_WHO = 240, 40


def print_history(console: Console, history: History, limit: int) -> None:
    """What serves, and the newest `limit` changes below it. Text from outside is shown as it is, and does nothing."""
    changes = [_changes(history.entries, limit)] if history.entries else []
    parts = [_serving(history), *changes, _foot(history)]
    console.print()
    console.print(Group(*(Padding(part, (0, 0, 1, 0)) for part in parts)))


def history_as_json(history: History, limit: int) -> str:
    """`production`, `served` (when what was in production), `ledger` (the newest `limit` entries), `broken`.

    In ASCII, with everything else spelled out.
    """
    found = {
        "production": history.serving and asdict(history.serving),
        "served": [asdict(time) for time in history.times],
        "ledger": [asdict(entry) for entry in history.entries[-limit:]],
        "broken": history.misfit and asdict(history.misfit),
        "unreachable": history.unreachable or None,
    }
    return json.dumps(found, indent=2)


def served_in_words(served: Served) -> Text:
    """`version 3 since 2026-11-25 03:02:11 UTC (2 h), in place of version 2`, and a line for who and why."""
    text = Text(f"version {served.version}", style="bold green")
    text.append(f" is in production since {_moment(served.since)}", style="not bold default")
    if served.since:
        text.append(f" ({_how_long(served.since)})", style="not bold default")
    if served.instead_of is not None:
        text.append(f", in place of version {served.instead_of}", style="not bold default")
    why = visible(served.why, _LONGEST_WHY)
    return text.append(f"\nput there by {visible(served.who, _LONGEST_WHO)}: {why}", style="not bold default")


def _serving(history: History) -> Text:
    text = served_in_words(history.serving) if history.serving else Text("nothing is in production", style="bold")
    if history.unreachable:
        words = f"\nThis is what the ledger says; MLflow could not be asked: {visible(history.unreachable)}"
        text.append(words, style="not bold yellow")
    cut = standing.cut_short(history.entries)
    if cut is not None:
        words = f"\nEntry {cut.number} was begun and not ended: it is being made, or the next change will end it."
        text.append(words, style="not bold yellow")
    return text


def _changes(entries: list[Entry], limit: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="Changes, the newest first", title_justify="left")
    table.add_column("no.", justify="right")
    table.add_column("UTC", no_wrap=True)
    table.add_column("who")
    table.add_column("version", justify="right")
    table.add_column("from → to", no_wrap=True)
    table.add_column("why", ratio=1)
    how_ended = {entry.ends: entry.state for entry in entries}
    begun = [entry for entry in entries if entry.state == "begun"]
    for entry in begun[::-1][:limit]:
        change, ended = entry.change, how_ended.get(entry.number, "not ended")
        moved = Text(f"{change.from_stage} → ").append(change.to_stage, style=COLOURS.get(change.to_stage, ""))
        cells = (str(entry.number), _moment(entry.at, ""), visible(change.who, _LONGEST_WHO), str(change.version))
        table.add_row(
            *(Text(visible(cell)) for cell in cells),
            moved if ended == "done" else moved.append(f" ({ended})", style="bold"),
            Text(visible(change.why, _LONGEST_WHY)),
        )
    return table


def _foot(history: History) -> Text:
    if not history.entries:
        return Text("The ledger has no entry yet.", style="dim")
    last = history.entries[-1]
    whole = "" if history.misfit else ", each as it was written"
    return Text(
        f"{last.number} entries{whole}; the last has the digest {last.digest}\n"
        f"To take back what serves: shoprec rollback{_which(history)} --reason '…'",
        style="dim",
    )


def _which(history: History) -> str:
    """A rollback finds the version before by itself, but not where the last change was one, or nothing was before."""
    changes = [entry.change for entry in standing.made(history.entries) if entry.change.to_stage == "production"]
    return " --to N" if len(changes) < 2 or changes[-1].action == "rollback" else ""


def _moment(at: str | None, zone: str = " UTC") -> str:
    return "an unknown time" if at is None else f"{at[:19].replace('T', ' ')}{zone}"


def _how_long(since: str) -> str:
    minutes = int((datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds()) // 60
    for unit, length in (("days", 2 * 24 * 60), ("h", 2 * 60)):
        if minutes >= length:
            return f"{minutes // (length // 2)} {unit}"
    return f"{minutes} min" if minutes > 0 else "just now"
