"""Private folders for a tool to work in, and folders as values."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

from workers.core.errors import StoreError

SKIPPED_FOLDERS: Final = frozenset({".git", ".terraform", "__pycache__", ".molecule", ".pytest_cache"})
_ENOUGH_BYTES: Final = 64 * 1024 * 1024


@contextmanager
def private_folder(prefix: str = "sluis-") -> Iterator[Path]:
    """A folder that only we may read, in memory where the machine has such a place, removed at the end.

    Args:
        prefix: how its name begins.
    """
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=_memory_folder()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _memory_folder() -> str | None:
    candidates = (os.environ.get("XDG_RUNTIME_DIR", ""), "/dev/shm")  # noqa: S108 - mkdtemp makes a private folder in it
    return next((path for path in candidates if path and _usable(path)), None)


def _usable(path: str) -> bool:
    try:
        room = os.statvfs(path)
    except OSError:
        return False
    return os.access(path, os.W_OK | os.X_OK) and room.f_bavail * room.f_frsize >= _ENOUGH_BYTES


def read_folder(folder: Path) -> dict[str, bytes]:
    """Every file below ``folder`` by its relative POSIX path, except what tools leave behind.

    Raises:
        StoreError: a file or link that cannot be read, or a link that leads out of the folder.
    """
    return {name: content for path in sorted(folder.rglob("*")) for name, content in _read(folder, path)}


def _read(folder: Path, path: Path) -> Iterator[tuple[str, bytes]]:
    relative = path.relative_to(folder)
    if SKIPPED_FOLDERS.intersection(relative.parts) or (path.is_dir() and not path.is_symlink()):
        return
    if not path.resolve().is_relative_to(folder.resolve()):
        raise StoreError(
            f"{path} is a link that leads out of {folder}.",
            "Copy the file into the folder; links would escape the digest.",
        )
    if path.is_file():
        try:
            yield relative.as_posix(), path.read_bytes()
        except OSError as error:
            raise StoreError(f"{path} cannot be read: {error.strerror}.") from error


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write ``files`` below ``folder``, readable by us only.

    Raises:
        StoreError: a name that would leave the folder.
    """
    for name, content in files.items():
        target = folder / _inside(name)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        target.write_bytes(content)
        target.chmod(0o600)


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise StoreError(f"{name!r} is no path inside a folder.")
    return path
