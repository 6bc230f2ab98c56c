"""What every command starts from: the options before it, the screen, and the parts that it asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from workers.cli.screen import Screen, screen
from workers.core.settings import Settings
from workers.service.settings import load_settings

if TYPE_CHECKING:
    from workers.service.assembly import Assembly

T = TypeVar("T")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@dataclass(frozen=True)
class Invocation:
    """The options that stand before the command.

    Attributes:
        project: the project folder, where one was named.
    """

    project: Path | None = None

    def settings(self) -> Settings:
        """The settings as they are given."""
        return load_settings(project=self.project)

    def assembly(self) -> Assembly:
        """The parts, with the addresses of the engine that runs here."""
        # What talks to engines and clouds takes seconds to load, and not every command needs it.
        from workers.service.assembly import assemble  # noqa: PLC0415
        from workers.service.running import located  # noqa: PLC0415

        return assemble(located(self.settings()))


def of(context: typer.Context) -> Invocation:
    """The invocation that a command belongs to."""
    found = context.find_object(Invocation)
    return found if found is not None else Invocation()


def opened(context: typer.Context, *, as_json: bool = False) -> tuple[Assembly, Screen]:
    """The parts and the screen of a command."""
    return of(context).assembly(), screen(as_json=as_json)


def perform(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` to its end; Ctrl-C ends the program with 130."""
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
