"""Checkov, which looks for insecure settings in Terraform: a virtual environment of its own, in the cache.

It needs other versions of many packages than Sluis does, so it is not among Sluis's own.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from workers.core.errors import MissingToolError, ToolError
from workers.setup.cache import Cache
from workers.setup.commands import run

if TYPE_CHECKING:
    from pathlib import Path

    from workers.core.settings import Settings
    from workers.setup.progress import Progress

CHECKOV_VERSION = "3.3.30"


def checkov_folder(settings: Settings) -> Path:
    """Where the cache has it, or would have it."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return Cache(settings.cache).path(f"checkov/{CHECKOV_VERSION}-python{python}")


async def ensure_checkov(settings: Settings, progress: Progress) -> tuple[str, ...]:
    """The words that start Checkov; installed now if need be (about 200 MB, a minute).

    Args:
        settings: ``cache`` is used.
        progress: told of the installation.

    Raises:
        MissingToolError: the package index does not answer, or has no such version.
    """
    folder = checkov_folder(settings)
    step = f"Checkov {CHECKOV_VERSION}"

    async def make(target: Path) -> None:
        progress.started(step, None)
        await run([sys.executable, "-m", "venv", target])
        pip = (target / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        await run([*pip, f"checkov=={CHECKOV_VERSION}"])
        progress.finished(step, "installed")

    try:
        found = await Cache(settings.cache).once(f"checkov/{folder.name}", make)
    except ToolError as error:
        raise MissingToolError(
            f"{step} cannot be installed: {error.message}", "Open the way to the Python package index."
        ) from error
    # The scripts in bin name the folder that they were made in, which was renamed since; the interpreter does not.
    return str(found / "bin" / "python"), "-m", "checkov.main"
