"""Settings put into params.yaml, with all else of it, comments too, as it is."""

import io
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML

from tasks.errors import ShoprecError
from tasks.ingestion.storage import replace_file
from tasks.params import load_params
from tasks.schema import TASKS, Task
from tasks.tuning.space import Settings

_WIDE = 4096
"""Columns: no line is broken."""


def write_settings(path: Path, task: Task, settings: Settings) -> None:
    """Sets those of `ranker.<task>` that differ.

    A section may have what another says (`<<: *name`): where the other task reads values out of this one's section, it
    gets them as they were. Raises ShoprecError, with the file as it was, where it would not say just that afterwards.
    """
    before, text = load_params(path), path.read_text(encoding="utf-8")
    present = before.ranker.of(task).model_dump()
    changed = {name: value for name, value in settings.items() if present[name] != value}
    yaml_ = _as_people_write()
    content = yaml_.load(text)
    others: list[Task] = [of for of in TASKS if of != task]
    for other in others:
        for name in _merged(text, other) & changed.keys():
            _put(content["ranker"][other], name, before.ranker.of(other).model_dump()[name], _own(text, other))
    for name, value in changed.items():
        _put(content["ranker"][task], name, value, _own(text, task))
    written = io.StringIO()
    yaml_.dump(content, written)
    new = path.with_name(f".{path.name}.tuned")
    new.write_text(written.getvalue(), encoding="utf-8")
    wanted = before.ranker.model_copy(update={task: before.ranker.of(task).model_copy(update=changed)})
    try:
        if load_params(new) != before.model_copy(update={"ranker": wanted}):
            raise ShoprecError(
                f"{path}: the section ranker.{task} cannot be changed without changing another, as they share it whole;"
                f" write it out, or set by hand: {changed}"
            )
        replace_file(path, written.getvalue().encode())
    finally:
        new.unlink()


def _as_people_write() -> YAML:
    found = YAML()
    found.preserve_quotes = True
    found.width = _WIDE
    found.indent(mapping=2, sequence=4, offset=2)
    found.representer.add_representer(type(None), lambda of, _: of.represent_scalar("tag:yaml.org,2002:null", "null"))
    return found


def _put(section: Any, name: str, value: Any, own: list[str]) -> None:
    """A new key goes before the section's last, which the comments and blank lines after the section belong to."""
    if name in own:
        section[name] = value
    else:
        section.insert(max(len(own) - 1, 0), name, value)


def _own(text: str, task: Task) -> list[str]:
    """Keys that the task's section says itself, in their order."""
    node: Any = yaml.compose(text)
    for key in ("ranker", task):
        node = next(value for name, value in node.value if name.value == key)
    return [name.value for name, _ in node.value if name.tag != "tag:yaml.org,2002:merge"]


def _merged(text: str, task: Task) -> set[str]:
    """Keys that it has from another."""
    return set(yaml.safe_load(text)["ranker"][task]) - set(_own(text, task))
