"""Modules and roles from git repositories: fetched at a pinned commit, copied in unedited, held to their digest."""

from __future__ import annotations

import io
import shutil
import tempfile
from pathlib import Path

from backports import tarfile

from workers.catalogue import read_contract
from workers.catalogue.reading import folder_of
from workers.catalogue.sources import Source, read_sources, write_sources
from workers.core.contract import CatalogueProblem
from workers.core.errors import ContractError, UsageError
from workers.execution.git import archive_of
from workers.runs.folder import read_folder


def add_source(project: Path, source: Source) -> Source:
    """Copy a module or role in and remember where it came from.

    Raises:
        UsageError: a folder of that name is there already.
        ToolError: git could not get the commit.
        ContractError: what was fetched is no module or role.
    """
    target = folder_of(project, source.kind) / source.name
    if target.exists():
        raise UsageError(f"{target} is there already.", "Remove it first, or take another name.")
    others = tuple(s for s in read_sources(project) if (s.kind, s.name) != (source.kind, source.name))
    recorded = source.model_copy(update={"digest": _bring(source, target)})
    write_sources(project, (*others, recorded))
    return recorded


def fetch_sources(project: Path) -> tuple[Source, ...]:
    """Fetch every recorded folder that is not there; gives back those.

    Raises:
        ContractError: what is there, or what came, is not what was recorded.
    """
    missing: list[Source] = []
    for source in read_sources(project):
        target = folder_of(project, source.kind) / source.name
        if target.exists():
            _hold(source, read_folder(target).digest, target)
        else:
            _bring(source, target)
            missing.append(source)
    return tuple(missing)


def _bring(source: Source, target: Path) -> str:
    with tempfile.TemporaryDirectory(prefix="sluis-source-") as scratch:
        unpacked = Path(scratch) / "content" / source.name
        unpacked.mkdir(parents=True)
        _unpack(archive_of(source.git, source.commit, source.folder, Path(scratch) / "git"), unpacked)
        digest = read_folder(unpacked).digest
        _hold(source, digest, unpacked)
        found = read_contract(source.kind, unpacked)
        if isinstance(found, CatalogueProblem):
            raise ContractError(f"{source.git} at {source.commit[:12]}: {found.message}", "Name its folder?")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(unpacked, target)
    return digest


def _hold(source: Source, digest: str, where: Path) -> None:
    if source.digest and digest != source.digest:
        raise ContractError(
            f"{where} is not what was recorded for {source.kind.value}.{source.name}: its content has the digest "
            f"{digest[:12]}, not {source.digest[:12]}.",
            "Undo the edit; or remove the folder and add the source again.",
        )


def _unpack(archive: bytes, folder: Path) -> None:
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(folder, filter="data")
    except tarfile.TarError as error:
        raise ContractError(f"The repository holds what may not be unpacked: {error}.") from error
