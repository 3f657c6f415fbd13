"""`shoprec ci`: what CI does with a change, runnable anywhere."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.flow import interruptible
from flows.commands.terminal import AsJson, Root, console, show
from flows.settings import apply_settings
from tasks.errors import ShoprecError

if TYPE_CHECKING:
    from flows.ci.registering import Merged
    from tasks.versioning.commits import Author

COMMENT, RESULT = "comment.md", "result.json"
_REJECTED = 1

ci = typer.Typer(
    no_args_is_help=True,
    help="For CI: retrain a change and compare it, tell its pull request, register what was merged.",
)
NewestData = Annotated[
    bool, typer.Option("--newest-data", help="Read the source, also where the data that the commit names can be had.")
]


@ci.command()
def retrain(
    base: Annotated[str, typer.Option(help="What to compare with, as git names it: origin/main.", metavar="REF")],
    out: Annotated[
        Path | None,
        typer.Option(help=f"Folder for {COMMENT} and {RESULT}; else var/ci.", metavar="FOLDER", file_okay=False),
    ] = None,
    root: Root = Path(),
    retrain_base: Annotated[
        bool,
        typer.Option("--retrain-base", help="Train the base too, on the same data, where its results do not compare."),
    ] = False,
    newest_data: NewestData = False,
    fail_if_rejected: Annotated[
        bool, typer.Option("--fail-if-rejected", help="Exit with 1 where the gate would reject the change.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Retrain the change that is checked out, and compare it with its base.

    Pulls the raw data that the commit names, or reads the source where it
    cannot be had, runs every stage that changed, and asks the gate what it
    would say of this change if the base were serving. No version is
    registered, and what serves is not touched.

    Of the base it takes what its dvc.lock recorded, from DVC's cache or
    remote. Where that is not to be had, or was measured on another week or
    other shoppers, the page says so; --retrain-base computes it.

    Exits with 0 whatever the gate would say, and with the codes of
    `shoprec run` after a fault; the page then says what stopped it.

    In a workflow: shoprec ci retrain --base origin/main
    """
    settings = apply_settings(root)
    from flows.ci.change import compare_change
    from flows.ci.page import as_json as as_document
    from flows.ci.page import markdown, stopped

    out = out or settings.var / "ci"
    try:
        found = interruptible(
            lambda: compare_change(settings, base, retrain_base, newest_data, _say()), "nothing was registered"
        )
    except ShoprecError as error:
        _leave(out, stopped(base, str(error)), {"status": "stopped", "why_not": str(error)})
        raise
    document = as_document(found)
    _leave(out, markdown(found), document)
    if as_json:
        typer.echo(json.dumps(document, indent=2))
    else:
        told = document["reason"] or f"no verdict: {document['why_not']}"
        typer.echo(f"{document['decision'] or 'not compared'}: {told}\nsee {out / COMMENT}")
    if fail_if_rejected and document["decision"] == "reject":
        raise typer.Exit(_REJECTED)


@ci.command()
def comment(
    file: Annotated[Path, typer.Option(help=f"The page, such as var/ci/{COMMENT}.", exists=True, dir_okay=False)],
    pull: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Number of the pull request; else that of GITHUB_REF.")
    ] = None,
    author: Annotated[
        str | None, typer.Option(help="Login that the token belongs to; else that of GitHub Actions.", metavar="LOGIN")
    ] = None,
) -> None:
    """Put the page on the pull request: one comment, changed by every later call.

    Reads GITHUB_TOKEN, GITHUB_REPOSITORY, GITHUB_API_URL and GITHUB_REF, as
    GitHub Actions sets them. What may pass is tried again. Exits with 1 where
    GitHub refuses, and says what it takes.
    """
    from flows.ci.github import BOT, pull_request
    from flows.ci.github import comment as put
    from flows.patience import patiently

    body = file.read_text(encoding="utf-8")
    where = pull_request(pull)
    typer.echo(patiently(lambda: put(where, body, author or BOT), _say()))


@ci.command()
def register(
    root: Root = Path(),
    author_name: Annotated[
        str, typer.Option(envvar="GIT_AUTHOR_NAME", help="Who commits dvc.lock.", show_default=False)
    ] = "",
    author_email: Annotated[
        str, typer.Option(envvar="GIT_AUTHOR_EMAIL", help="Their address.", show_default=False)
    ] = "",
    newest_data: NewestData = False,
    as_json: AsJson = False,
) -> None:
    """Register what was merged as a candidate, and commit what was computed.

    Pulls the data, runs every stage that changed, pushes the data to DVC's
    remote and registers the version; the same data, code and params are not
    registered twice. Then dvc.lock and data/*.dvc are committed and pushed, if
    they changed; never by force: what others pushed meanwhile comes first.

    Nothing is judged or promoted: the version stays a candidate until the next
    retrain judges it.
    """
    settings = apply_settings(root)
    from flows.ci.registering import register_merged
    from flows.one_at_a_time import only_retrain

    author = _author(author_name, author_email)

    def work() -> "Merged":
        with only_retrain(settings.var, "ci register"):
            return register_merged(settings, author, newest_data, _say())

    done = interruptible(work, "what was begun, the next call goes on with")
    if as_json:
        typer.echo(json.dumps(asdict(done), indent=2))
        return
    known = "" if done.is_new else ", registered before from the same data, code and params"
    typer.echo(f"{done.version.name} version {done.version.number}: {done.version.stage}{known}")
    committed = f"committed as {done.commit[:12]}" if done.commit else "nothing to commit"
    typer.echo(f"{committed}{f', pushed to {done.pushed_to}' if done.pushed_to else ''}")


def _leave(out: Path, page: str, document: dict[str, object]) -> None:
    from tasks.ingestion.storage import replace_file

    replace_file(out / COMMENT, page.encode())
    replace_file(out / RESULT, (json.dumps(document, indent=1) + "\n").encode())


def _author(name: str, email: str) -> "Author":
    from tasks.versioning.commits import Author

    if not name or not email:
        raise ShoprecError(
            "nobody is named who commits dvc.lock: set GIT_AUTHOR_NAME and GIT_AUTHOR_EMAIL, or give --author-name and"
            " --author-email"
        )
    return Author(name, email)


def _say() -> Callable[[str], None]:
    page = console(stderr=True)
    return lambda line: show(page, line)
