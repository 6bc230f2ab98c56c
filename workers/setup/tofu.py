"""OpenTofu or Terraform: found, downloaded or built."""

# ruff: noqa: ASYNC240 - a look at the local disk is quicker than a thread

from __future__ import annotations

import asyncio
import json
import os
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from workers.core.errors import MissingToolError, SluisError, ToolError
from workers.setup import golang
from workers.setup.cache import Cache, check_digest
from workers.setup.commands import run
from workers.setup.progress import human_size
from workers.setup.providers import ensure_providers

if TYPE_CHECKING:
    from workers.core.settings import Settings
    from workers.setup.progress import Progress

TOFU_VERSION = "1.12.6"
OLDEST = (1, 6)  # the first version with `terraform test` and of OpenTofu; what the generated roots need
_RELEASES = "https://github.com/opentofu/opentofu/releases/download"
_TIMEOUT = httpx.Timeout(30, connect=4)
_HINT = "Install OpenTofu (https://opentofu.org/docs/intro/install/), or set SLUIS_TOFU to the program."


@dataclass(frozen=True, slots=True)
class Tofu:
    """The program that plans and applies.

    Attributes:
        path: the program.
        version: its version, e.g. ``1.12.6``.
        flavor: ``tofu`` or ``terraform``.
        cli_config: the CLI configuration file to use (``TF_CLI_CONFIG_FILE``), where one is needed.
    """

    path: Path
    version: str
    flavor: str
    cli_config: Path | None = None


async def ensure_tofu(settings: Settings, progress: Progress) -> Tofu:
    """Find OpenTofu or Terraform, or get it.

    In this order: the setting, ``tofu`` on PATH, the cache, the official release, a build from the Go module,
    ``terraform`` on PATH. Then the providers that the modules of Sluis need: from the registry where it can be
    reached, else built into a mirror.

    Args:
        settings: ``tofu``, ``tofu_cli_config`` and ``cache`` are used.
        progress: told of downloads and builds.

    Raises:
        MissingToolError: there is none and it cannot be had; or the setting names one that is not there or too old.
    """
    tofu = await find_tofu(settings) or await _get(settings, progress)
    if settings.tofu_cli_config:
        return _with(tofu, Path(settings.tofu_cli_config).expanduser().resolve())
    return _with(tofu, await ensure_providers(settings, progress))


async def find_tofu(settings: Settings) -> Tofu | None:
    """What is on this machine already and goes before a download: the setting, PATH, the cache.

    Raises:
        MissingToolError: the setting names a program that is not there, does not run or is too old.
    """
    if settings.tofu:
        path = shutil.which(os.path.expanduser(settings.tofu))  # noqa: PTH111 - a bare name is looked up on PATH
        if path is None:
            raise MissingToolError(f"SLUIS_TOFU is {settings.tofu!r}, which is not a program.", _HINT)
        return await probe(Path(path))
    for candidate in (shutil.which("tofu"), str(cached_tofu(settings))):
        if candidate and Path(candidate).is_file():
            try:
                return await probe(Path(candidate))
            except MissingToolError:
                continue
    return None


async def find_terraform() -> Tofu | None:
    """``terraform`` on PATH, if it is new enough."""
    path = shutil.which("terraform")
    try:
        return await probe(Path(path)) if path else None
    except MissingToolError:
        return None


def cached_tofu(settings: Settings) -> Path:
    """Where the cache has OpenTofu, or would have it."""
    return Cache(settings.cache).path(f"tofu/{TOFU_VERSION}/tofu")


async def probe(path: Path) -> Tofu:
    """Ask a program for its version.

    Raises:
        MissingToolError: it does not run, or is too old.
    """
    try:
        # Standard output only begins with JSON when no warning about a configuration file comes first.
        output = await run(
            [path, "version", "-json"], env={"CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull}
        )
        version = json.loads(output[output.index("{") :])["terraform_version"]
    except (SluisError, OSError, ValueError, KeyError) as error:
        raise MissingToolError(f"{path} does not tell its version: {error}", _HINT) from error
    if _numbers(version) < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        raise MissingToolError(f"{path} is version {version}; {wanted} or newer is needed.", _HINT)
    return Tofu(path=path, version=version, flavor="terraform" if path.name.startswith("terraform") else "tofu")


async def _get(settings: Settings, progress: Progress) -> Tofu:
    async def make(target: Path) -> None:
        try:
            await _download(target, progress)
        except httpx.HTTPError:
            if not golang.can_build("tofu"):
                raise
            await _build(target, progress)

    try:
        return await probe(await Cache(settings.cache).once(f"tofu/{TOFU_VERSION}/tofu", make))
    except (httpx.HTTPError, ToolError) as error:
        if (terraform := await find_terraform()) is not None:
            return terraform
        raise MissingToolError(
            f"There is no tofu or terraform; OpenTofu {TOFU_VERSION} can neither be downloaded nor built: {error!r}",
            _HINT,
        ) from error


async def _download(target: Path, progress: Progress) -> None:
    """Download the official release and check it against the release's own list of digests."""
    system, machine = golang.go_platform()
    name = f"tofu_{TOFU_VERSION}_{system}_{machine}.zip"
    step = f"OpenTofu {TOFU_VERSION}"
    base = f"{_RELEASES}/v{TOFU_VERSION}"
    async with httpx.AsyncClient(timeout=_TIMEOUT, follow_redirects=True) as client:
        sums = (await client.get(f"{base}/tofu_{TOFU_VERSION}_SHA256SUMS")).raise_for_status().text
        archive = target.with_name(name)
        async with client.stream("GET", f"{base}/{name}") as answer:
            await _save(answer.raise_for_status(), archive, step, progress)
    check_digest(archive, digest_of(sums, name))
    await asyncio.to_thread(_unzip, archive, target)
    progress.finished(step, f"downloaded, {human_size(archive.stat().st_size)}")


async def _save(answer: httpx.Response, path: Path, step: str, progress: Progress) -> None:
    size = answer.headers.get("content-length")
    progress.started(step, int(size) if size else None)
    with path.open("wb") as file:
        async for chunk in answer.aiter_bytes():
            file.write(chunk)
            progress.advanced(step, file.tell())


def digest_of(sums: str, name: str) -> str:
    """The digest of a file in the format of ``sha256sum``.

    Raises:
        MissingToolError: the list does not name the file, as for an architecture without a release.
    """
    digests = {parts[1].lstrip("*"): parts[0] for line in sums.splitlines() if len(parts := line.split()) == 2}  # noqa: PLR2004
    if name not in digests:
        raise MissingToolError(f"OpenTofu {TOFU_VERSION} has no release {name}.", _HINT)
    return digests[name]


def _unzip(archive: Path, target: Path) -> None:
    with zipfile.ZipFile(archive) as content, target.open("wb") as file:
        shutil.copyfileobj(content.open("tofu"), file)
    target.chmod(0o755)


async def _build(target: Path, progress: Progress) -> None:
    step = f"OpenTofu {TOFU_VERSION}"
    progress.started(f"{step} (built from its Go module, a few minutes)", None)
    # Without this the program calls itself 1.12.6-dev.
    release = "-ldflags=-X github.com/opentofu/opentofu/version.dev=no"
    await golang.build("tofu", "github.com/opentofu/opentofu/cmd/tofu", target, release)
    progress.finished(f"{step} (built from its Go module, a few minutes)", human_size(target.stat().st_size))


def _with(tofu: Tofu, config: Path | None) -> Tofu:
    return Tofu(path=tofu.path, version=tofu.version, flavor=tofu.flavor, cli_config=config)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("-", 1)[0].split(".")[:2])
