"""TFLint, which knows the habits and errors of the Terraform language: built from its Go module into the cache."""

# ruff: noqa: ASYNC240 - a look at the local disk is quicker than a thread

from __future__ import annotations

from typing import TYPE_CHECKING

from workers.setup import golang
from workers.setup.cache import Cache
from workers.setup.progress import human_size

if TYPE_CHECKING:
    from pathlib import Path

    from workers.core.settings import Settings
    from workers.setup.progress import Progress

TFLINT_VERSION = "0.64.0"


async def ensure_tflint(settings: Settings, progress: Progress) -> Path:
    """The program; built now if need be (some minutes), with the versions and checksums of ``tools/tflint``.

    Its rules for AWS are a program of their own, which is not used: they cannot be had without GitHub's releases.

    Args:
        settings: ``cache`` is used.
        progress: told of the build.

    Raises:
        MissingToolError: there is no Go.
        ToolError: the build failed.
    """
    step = f"TFLint {TFLINT_VERSION} (built from its Go module)"

    async def make(target: Path) -> None:
        progress.started(step, None)
        await golang.build("tflint", "github.com/terraform-linters/tflint", target)
        progress.finished(step, human_size(target.stat().st_size))

    return await Cache(settings.cache).once(f"tflint/{TFLINT_VERSION}/tflint", make)
