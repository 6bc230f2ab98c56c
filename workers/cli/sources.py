"""``sluis source add|fetch|list``."""

from __future__ import annotations

from typing import Annotated

import typer

from workers.catalogue.sources import Source, make_source, read_sources
from workers.cli.invocation import AsJson, of
from workers.cli.screen import screen
from workers.core.contract import Kind
from workers.core.errors import UsageError
from workers.core.values import JsonValue
from workers.service.sources import add_source, fetch_sources

group = typer.Typer(no_args_is_help=True, help="Modules and roles from git repositories, at a pinned commit.")
_KINDS = {"module": Kind.MODULE, "role": Kind.ROLE}


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(group, name="source")


@group.command()
def add(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(metavar="module|role", help="What it is.")],
    name: Annotated[str, typer.Argument(help="Its name in this project.")],
    git: Annotated[str, typer.Option(help="Address of the repository: https, ssh, git or file.")],
    commit: Annotated[str, typer.Option(help="The commit, 40 hexadecimal digits.")],
    folder: Annotated[str, typer.Option(help="Folder in the repository; the whole where left out.")] = "",
    as_json: AsJson = False,
) -> None:
    """Copy a module or role in, unedited, and record commit and content digest in sources.yaml.

    JSON: {"kind", "name", "git", "commit", "folder", "digest"}.

    Example: [bold]sluis source add module network --git https://git.example/m.git --commit SHA[/bold]
    """
    if kind not in _KINDS:
        raise UsageError(f"'{kind[:40]}' is neither module nor role.")
    added = add_source(of(context).settings().project, make_source(_KINDS[kind], name, git, commit, folder))
    _show((added,), as_json=as_json)


@group.command()
def fetch(context: typer.Context, as_json: AsJson = False) -> None:
    """Fetch what sources.yaml names and is not there, and hold the rest to its digest.

    JSON: [{"kind", "name", "git", "commit", "folder", "digest"}] of what was fetched.

    Example: [bold]sluis source fetch[/bold]
    """
    _show(fetch_sources(of(context).settings().project), as_json=as_json)


@group.command(name="list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List the modules and roles that come from other repositories.

    JSON: [{"kind", "name", "git", "commit", "folder", "digest"}].

    Example: [bold]sluis source list[/bold]
    """
    _show(read_sources(of(context).settings().project), as_json=as_json)


def _show(sources: tuple[Source, ...], *, as_json: bool) -> None:
    data: list[JsonValue] = [source.model_dump(mode="json") for source in sources]
    rows = [(f"{s.kind.value}.{s.name}", s.git, s.commit[:12], s.folder, s.digest[:12]) for s in sources]
    shown = screen(as_json=as_json)
    shown.show(data, lambda s: s.table(("NAME", "REPOSITORY", "COMMIT", "FOLDER", "DIGEST"), rows, "Nothing."))
