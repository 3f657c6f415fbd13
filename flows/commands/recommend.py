"""`shoprec recommend`: what a registered version shows to shoppers."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from flows.commands.terminal import AsJson, Root, console, show
from flows.settings import apply_settings
from tasks.registry.texts import visible
from tasks.schema import ITEM, RANK, TITLE, USER, Task

if TYPE_CHECKING:
    from flows.recommending import Recommended

_LONGEST = 200


def recommend(
    user: Annotated[list[str] | None, typer.Option(help="A shopper's id; may be repeated.", metavar="ID")] = None,
    users: Annotated[
        Path | None, typer.Option(help="Parquet or CSV with a column user_id.", exists=True, dir_okay=False)
    ] = None,
    k: Annotated[int, typer.Option("-k", "--k", min=1, help="Items a list.")] = 10,
    task: Annotated[Task, typer.Option(help="new: only what the shopper never bought before.")] = "all",
    version: Annotated[int | None, typer.Option(min=1, metavar="N", help="Else the one that serves.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write lists there, .parquet or .csv, instead of showing them.", dir_okay=False)
    ] = None,
    root: Root = Path(),
    as_json: AsJson = False,
) -> None:
    """Show what the model in production recommends to shoppers, or write it to a file.

    The model comes from the registry and is asked by the code that it shipped
    with. A shopper whom it does not know gets what sells most. Exits with 1
    where an id cannot be one of the shop's, or nothing serves.

    Two shoppers: shoprec recommend --user 262 --user 243 --task new
    Everybody: shoprec recommend --users data/valid/users.parquet --out lists.parquet
    """
    if bool(user) == bool(users):
        raise typer.BadParameter("name shoppers either by --user, once for each, or by --users and a file")
    settings = apply_settings(root)
    from flows.recommending import recommend_to, refuse_unwritable, users_in, write_lists

    if out is not None:
        refuse_unwritable(out)
    progress = console(stderr=True)
    wanted = user or [] if users is None else users_in(users)
    found = recommend_to(settings, wanted, k, task, version, lambda line: show(progress, line))
    if out is not None:
        write_lists(found, out)
    if as_json:
        typer.echo(found.lists.assign(version=found.version).to_json(orient="records", indent=2))
    elif out is not None:
        shoppers = found.lists[USER].nunique()
        typer.echo(f"{out}: {len(found.lists):,} items for {shoppers:,} shoppers, from version {found.version}")
    else:
        page = console()
        for heading, table in _pages(found, task):
            page.print(heading, soft_wrap=True)
            page.print(table)


def _pages(found: "Recommended", task: Task) -> Iterator[tuple[Text, Table]]:
    """A heading and a table a shopper."""
    from tasks.evaluation.headline import TASK_NAMES  # imports pandas, which other commands need not wait for

    for user, items in found.lists.groupby(USER, sort=False):
        heading = f"shopper {visible(str(user), _LONGEST)}: {TASK_NAMES[task]}, version {found.version}"
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("", justify="right")
        table.add_column("item")
        table.add_column("title", overflow="fold")
        for rank, item, title in items[[RANK, ITEM, TITLE]].itertuples(index=False):
            table.add_row(*(Text(visible(str(cell), _LONGEST)) for cell in (rank, item, title)))
        yield Text(heading, style="bold"), table
