"""The scanners of compliance checks: on PATH or in the cache, got by `python -m workers.setup`; none is needed."""

# ruff: noqa: ASYNC240 - a look at the local disk is quicker than a thread

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
from backports import tarfile

from workers.core.errors import MissingToolError, SluisError, ToolError
from workers.setup import golang
from workers.setup.cache import Cache, check_digest
from workers.setup.commands import run
from workers.setup.progress import human_size
from workers.setup.tofu import digest_of

if TYPE_CHECKING:
    from workers.core.settings import Settings
    from workers.setup.progress import Progress

CHECKOV_VERSION: Final = "3.3.30"
CONFTEST_VERSION: Final = "0.71.0"
_RELEASES: Final = "https://github.com/open-policy-agent/conftest/releases/download"
_PACKAGE: Final = "github.com/open-policy-agent/conftest"
_TIMEOUT: Final = httpx.Timeout(30, connect=4)
_HINTS: Final = {
    "checkov": "`make setup`, or `python -m workers.setup`, gets it; or install it with pipx.",
    "conftest": "`make setup`, or `python -m workers.setup`, gets it; or see https://www.conftest.dev/install/.",
}


def scanner_command(settings: Settings, name: str) -> tuple[str, ...]:
    """How a scanner is called: from PATH, else from the cache.

    Args:
        settings: ``cache`` is used.
        name: ``checkov`` or ``conftest``.

    Raises:
        MissingToolError: it is not there.
    """
    if found := shutil.which(name):
        return (found,)
    cache = Cache(settings.cache)
    python, conftest = cache.path(_CHECKOV_KEY) / "bin" / "python", cache.path(_CONFTEST_KEY)
    if name == "checkov" and os.access(python, os.X_OK):
        return (str(python), "-m", "checkov.main")
    if name == "conftest" and os.access(conftest, os.X_OK):
        return (str(conftest),)
    raise MissingToolError(f"{name} is not on this machine.", _HINTS.get(name, ""))


async def ensure_scanners(settings: Settings, progress: Progress) -> dict[str, str]:
    """Get what is not there; by name where it is, or why it cannot be had. Nobody fails for the lack of one."""
    found: dict[str, str] = {}
    for name, ensure in (("checkov", _ensure_checkov), ("conftest", _ensure_conftest)):
        try:
            await ensure(settings, progress)
            found[name] = " ".join(scanner_command(settings, name))
        except (SluisError, httpx.HTTPError, OSError) as error:
            found[name] = f"none, compliance checks will say so: {error}"
    return found


async def _ensure_checkov(settings: Settings, progress: Progress) -> None:
    async def make(target: Path) -> None:
        step = f"Checkov {CHECKOV_VERSION} (a virtual environment of its own)"
        progress.started(step, None)
        # An environment of its own: it pins versions that ours does not have. It is called as a module, because the
        # scripts in it name the folder in which they were made.
        await run([sys.executable, "-m", "venv", target])
        await run([target / "bin" / "python", "-m", "pip", "install", "--quiet", f"checkov=={CHECKOV_VERSION}"])
        progress.finished(step, "")

    if shutil.which("checkov") is None:
        cache = Cache(settings.cache)
        made = cache.path(_CHECKOV_KEY)
        if made.is_dir() and not os.access(made / "bin" / "python", os.X_OK):
            # The Python that it was made with has gone, by an upgrade for example.
            await asyncio.to_thread(shutil.rmtree, made)
        await cache.once(_CHECKOV_KEY, make)


async def _ensure_conftest(settings: Settings, progress: Progress) -> None:
    async def make(target: Path) -> None:
        try:
            await _download(target, progress)
        except httpx.HTTPError:
            if not golang.can_build("conftest"):
                raise
            await _build(target, progress)

    if shutil.which("conftest") is None:
        await Cache(settings.cache).once(_CONFTEST_KEY, make)


async def _download(target: Path, progress: Progress) -> None:
    machine = {"aarch64": "arm64"}.get(platform.machine().lower(), platform.machine().lower())
    name = f"conftest_{CONFTEST_VERSION}_{platform.system()}_{machine}.tar.gz"
    base, step = f"{_RELEASES}/v{CONFTEST_VERSION}", f"Conftest {CONFTEST_VERSION}"
    progress.started(step, None)
    async with httpx.AsyncClient(timeout=_TIMEOUT, follow_redirects=True) as client:
        sums = (await client.get(f"{base}/checksums.txt")).raise_for_status().text
        content = (await client.get(f"{base}/{name}")).raise_for_status().content
    archive = target.with_name(name)
    archive.write_bytes(content)
    check_digest(archive, digest_of(sums, name))
    await asyncio.to_thread(_unpack, archive, target)
    progress.finished(step, f"downloaded, {human_size(len(content))}")


def _unpack(archive: Path, target: Path) -> None:
    with tarfile.open(archive) as content:
        program = content.extractfile("conftest")
        if program is None:
            raise ToolError(f"{archive.name} holds no conftest.")
        target.write_bytes(program.read())
    target.chmod(0o755)


async def _build(target: Path, progress: Progress) -> None:
    step = f"Conftest {CONFTEST_VERSION} (built from its Go module, a few minutes)"
    progress.started(step, None)
    version = f"-ldflags=-X {_PACKAGE}/internal/version.Version=v{CONFTEST_VERSION}"
    await golang.build("conftest", _PACKAGE, target, version)
    progress.finished(step, human_size(target.stat().st_size))


_CHECKOV_KEY: Final = f"checkov/{CHECKOV_VERSION}/venv"
_CONFTEST_KEY: Final = f"conftest/{CONFTEST_VERSION}/conftest"
