"""The providers that the modules of Sluis need, where no registry can be reached: built into a filesystem mirror."""

# ruff: noqa: ASYNC240 - a look at the local disk is quicker than a thread

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from workers.setup import golang
from workers.setup.cache import Cache

if TYPE_CHECKING:
    from workers.core.settings import Settings
    from workers.setup.progress import Progress

REGISTRIES = ("registry.opentofu.org", "registry.terraform.io")
_TIMEOUT = httpx.Timeout(4)


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider that can be built.

    Attributes:
        name: its name under ``hashicorp/``.
        version: its version.
        package: the import path of its program.
    """

    name: str
    version: str
    package: str

    @property
    def program(self) -> str:
        """Its file name in a mirror."""
        return f"terraform-provider-{self.name}_v{self.version}"


PROVIDERS = (
    Provider("local", "2.7.0", "github.com/terraform-providers/terraform-provider-local"),
    Provider("time", "0.14.2", "github.com/hashicorp/terraform-provider-time"),
)
_KEY = "providers/" + "-".join(f"{provider.name}-{provider.version}" for provider in PROVIDERS)


async def ensure_providers(settings: Settings, progress: Progress) -> Path | None:
    """The CLI configuration file of a provider mirror, or nothing where the registry serves the providers.

    A mirror that was once built is used from then on. Without a registry and without Go there is no mirror either;
    ``init`` then says what it cannot find.

    Args:
        settings: ``cache`` is used.
        progress: told of the builds.
    """
    cache = Cache(settings.cache)
    config = mirror_config(settings)
    if not config.exists() and (await registry_answers() or not can_build()):
        return None

    async def make(target: Path) -> None:
        await _build_mirror(target, cache.path(_KEY), progress)

    mirror = await cache.once(_KEY, make)
    if (wanted := cli_config(mirror)) != config.read_text(encoding="utf-8"):  # the cache was copied or moved
        config.write_text(wanted, encoding="utf-8")
    return config


def mirror_config(settings: Settings) -> Path:
    """Where the mirror's CLI configuration file is, or would be."""
    return Cache(settings.cache).path(_KEY) / "tofurc"


def can_build() -> bool:
    """Whether every provider can be built here."""
    return all(golang.can_build(f"provider-{provider.name}") for provider in PROVIDERS)


async def registry_answers() -> bool:
    """Whether OpenTofu's provider registry can be reached."""
    try:
        async with httpx.AsyncClient(timeout=_TIMEOUT) as client:
            return (await client.get(f"https://{REGISTRIES[0]}/.well-known/terraform.json")).is_success
    except httpx.HTTPError:
        return False


async def _build_mirror(target: Path, final: Path, progress: Progress) -> None:
    system, machine = golang.go_platform()
    target.mkdir()
    for provider in PROVIDERS:
        step = f"Provider hashicorp/{provider.name} {provider.version} (built)"
        progress.started(step, None)
        built = target / provider.program
        await golang.build(f"provider-{provider.name}", provider.package, built)
        for registry in REGISTRIES:
            folder = target / registry / "hashicorp" / provider.name / provider.version / f"{system}_{machine}"
            folder.mkdir(parents=True)
            (folder / provider.program).hardlink_to(built)
        built.unlink()
        progress.finished(step, "")
    (target / "tofurc").write_text(cli_config(final), encoding="utf-8")


def cli_config(mirror: Path) -> str:
    """A CLI configuration that takes our providers from the mirror, and all others from where they come from."""
    names = ", ".join(f'"{registry}/hashicorp/{provider.name}"' for registry in REGISTRIES for provider in PROVIDERS)
    # JSON strings are HCL strings, but for the template markers.
    path = os.fspath(mirror).replace("\\", "\\\\").replace('"', '\\"').replace("${", "$${").replace("%{", "%%{")
    return f"""\
provider_installation {{
  filesystem_mirror {{
    path    = "{path}"
    include = [{names}]
  }}
  direct {{
    exclude = [{names}]
  }}
}}
"""
