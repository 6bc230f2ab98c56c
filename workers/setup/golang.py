"""Programs built from Go modules, whose versions and checksums are checked in under ``tools/``."""

from __future__ import annotations

import platform
import shutil
from pathlib import Path

from workers.core.errors import MissingToolError
from workers.setup.commands import run

_TOOLS = Path(__file__).resolve().parents[2] / "tools"


def can_build(module: str) -> bool:
    """Whether ``go`` is there, and the module's ``go.mod`` (a source tree has it, an installed wheel has not)."""
    return shutil.which("go") is not None and (_TOOLS / module / "go.mod").is_file()


async def build(module: str, package: str, target: Path, *flags: str) -> None:
    """Build a Go program with exactly the versions and checksums of ``tools/<module>/go.sum``.

    Args:
        module: the folder under ``tools/``.
        package: the import path of the program.
        target: where to put it.
        flags: more arguments for ``go build``.

    Raises:
        MissingToolError: there is no ``go``, or no such folder.
        ToolError: the build failed.
    """
    if not can_build(module):
        raise MissingToolError(f"{package} cannot be built: that needs Go and the source tree of Sluis.", "Install Go.")
    await run(["go", "build", "-trimpath", "-mod=readonly", *flags, "-o", target, package], cwd=_TOOLS / module)


def go_platform() -> tuple[str, str]:
    """The operating system and architecture of this machine, as Go and the OpenTofu releases call them."""
    machine = platform.machine().lower()
    return platform.system().lower(), {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
