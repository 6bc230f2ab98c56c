"""The tools on this machine: looked for by ``doctor``, made ready by ``up`` and ``worker``."""

from __future__ import annotations

from pathlib import Path

from workers.core.errors import MissingToolError
from workers.core.settings import Settings
from workers.execution.terraform import TerraformTool
from workers.service.checks import Check, Finding
from workers.setup import debian
from workers.setup.doctor import State, doctor
from workers.setup.progress import Progress, Quiet
from workers.setup.providers import mirror_config
from workers.setup.tofu import Tofu, ensure_tofu, find_terraform, find_tofu

_FINDINGS = {State.OK: Finding.OK, State.WARNING: Finding.WARNING, State.MISSING: Finding.PROBLEM}


async def check_tools(settings: Settings) -> tuple[Check, ...]:
    """Everything that Sluis needs on this machine. Nothing is downloaded."""
    found = await doctor(settings)
    return tuple(Check(f.name, _FINDINGS[f.state], f.detail, f.hint) for f in found)


async def prepare_tools(settings: Settings, progress: Progress | None = None) -> TerraformTool:
    """Get what tofu and the module ``local_host`` need, the image of its machines included.

    Raises:
        MissingToolError: it cannot be had.
    """
    tofu = await ensure_tofu(settings, progress or Quiet())
    await debian.ensure_host_image(settings, progress or Quiet())
    return await _probed(settings, tofu)


async def present_tools(settings: Settings) -> TerraformTool | None:
    """What is there already, for a worker that downloads nothing; None where there is no tofu and no terraform."""
    tofu = await find_tofu(settings) or await find_terraform()
    return await _probed(settings, tofu) if tofu else None


async def _probed(settings: Settings, tofu: Tofu) -> TerraformTool:
    mirror = mirror_config(settings)
    config = settings.tofu_cli_config or tofu.cli_config or (mirror if mirror.exists() else None)
    try:
        return await TerraformTool.probe(tofu.path, Path(config) if config else None, settings.cache / "plugins")
    except OSError as error:
        raise MissingToolError(f"{tofu.path} does not run: {error}.", "Set SLUIS_TOFU to another one.") from error
