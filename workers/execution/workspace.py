"""Private folders for a tool to work in, and folders as values."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

from workers.core.errors import StoreError

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


def write_folder(folder: Path, files: Mapping[str, bytes], executables: Collection[str] = ()) -> None:
    """Write ``files`` below ``folder``, readable by us only; ``executables`` among them may be executed.

    Raises:
        StoreError: a name that would leave the folder.
    """
    for name, content in files.items():
        target = folder / _inside(name)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        target.write_bytes(content)
        target.chmod(0o700 if name in executables else 0o600)


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise StoreError(f"{name!r} is no path inside a folder.")
    return path
