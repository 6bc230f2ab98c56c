"""``sluis worker`` and ``sluis deploy``."""

from __future__ import annotations

import json
import secrets
from hashlib import sha256
from typing import Annotated

import typer

from workers.cli.invocation import AsJson, of, perform
from workers.cli.screen import Screen, screen
from workers.core.errors import UsageError
from workers.core.settings import Settings
from workers.core.values import JsonValue, is_name
from workers.service.assembly import assemble, name_of, open_gateway
from workers.service.deploy import DeployedResource
from workers.service.deploy import deploy as deploy_all
from workers.service.log_control import LogControl
from workers.service.logs import log_to_stderr
from workers.service.running import located
from workers.service.signals import told_to_stop
from workers.service.tools import present_tools


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(worker)
    app.command()(deploy)
    app.command()(token)


def worker(context: typer.Context) -> None:
    """Serve jobs of every module and role found, until SIGTERM or Ctrl-C; running jobs may end first.

    Works with the engine that the settings name and downloads nothing. An engine that is not there is waited for. The
    log goes to standard error.

    Example: [bold]SLUIS_ENGINE=external SLUIS_GRPC_ADDRESS=zeebe:26500 sluis worker[/bold]
    """
    settings = of(context).settings()
    with log_to_stderr(settings, name_of(settings)) as log:
        perform(_serve(settings, log))


async def _serve(settings: Settings, log: LogControl) -> None:
    from workers.service.workers import serve  # noqa: PLC0415 - slow to import, and few commands need it

    with told_to_stop() as stop:
        await serve(assemble(settings, await present_tools(settings), log), stop)


def deploy(context: typer.Context, as_json: AsJson = False) -> None:
    """Deploy every model, decision table and form in bpmn/, all or nothing.

    JSON: [{"kind": "process|decision|form", "id", "version", "file", "new"}].

    Example: [bold]sluis deploy[/bold]
    """
    settings = located(of(context).settings())
    found = perform(_deploy(settings))
    data: list[JsonValue] = [item.as_json() for item in found]
    screen(as_json=as_json).show(data, lambda s: _show(s, found))


async def _deploy(settings: Settings) -> tuple[DeployedResource, ...]:
    async with open_gateway(settings) as gateway:
        return await deploy_all(assemble(settings), gateway)


def _show(shown: Screen, found: tuple[DeployedResource, ...]) -> None:
    rows = [(d.kind, d.id, str(d.version), d.file, "new" if d.new else "") for d in found]
    shown.table(("KIND", "ID", "VERSION", "FILE", ""), rows, "Nothing was deployed.")


def token(
    name: Annotated[str, typer.Argument(help="What the machine is called, e.g. ci.")], as_json: AsJson = False
) -> None:
    """Make a token with which a machine uses the REST API. It is shown once; only its digest is kept, by you.

    Put the digest into SLUIS_WEB_TOKENS of the workers, and give 'token:NAME' a role in the environment files.

    JSON: {"name", "token", "setting"}.

    Example: [bold]sluis token ci[/bold]
    """
    if not is_name(name):
        raise UsageError(f"'{name}' is not a name.", "Lower-case letters, digits, - and _; a letter first.")
    secret = secrets.token_urlsafe(32)
    setting = json.dumps({name: sha256(secret.encode()).hexdigest()})
    content: dict[str, JsonValue] = {"name": name, "token": secret, "setting": setting}
    shown = screen(as_json=as_json)
    shown.show(content, lambda s: s.line(secret))
    if not as_json:
        shown.note(f"SLUIS_WEB_TOKENS='{setting}'")
