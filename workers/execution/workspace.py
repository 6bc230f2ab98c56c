"""Private folders for a tool to work in, and folders as values.

A folder is locked by all who use it: by us, and by each tool that works in it. What a killed worker left behind is
removed by the next one, once no tool is at work in it any more.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

from workers.core.errors import StoreError

ERRORED_STATE: Final = "errored.tfstate"
"""Where tofu leaves a state that its backend could not take."""
_ENOUGH_BYTES: Final = 64 * 1024 * 1024
_PREFIX: Final = "sluis-private-"
"""Of our private folders and of nothing else: people clone projects into /tmp/sluis-something."""
_MODE: Final = 0o700
_FRESH_SECONDS: Final = 60
"""A folder of this age is let alone: its maker may not have locked it yet."""


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder that only we may read, in memory where the machine has such a place, removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=memory_folder()))
    try:
        with held(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def held(folder: Path) -> Iterator[int]:
    """Say that the folder is in use, for as long as the descriptor is open here or in a process that inherits it."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield handle
    finally:
        os.close(handle)


def remove_left_overs() -> tuple[Path, ...]:
    """Remove the private folders of killed workers, secrets and all; returns them.

    One with a state in it that could be written nowhere else stays for whoever takes its run over.
    """
    places = {Path(memory_folder() or tempfile.gettempdir()), Path(tempfile.gettempdir())}
    return tuple(folder for place in places for folder in place.glob(f"{_PREFIX}*") if _removed(folder))


def _removed(folder: Path) -> bool:
    try:
        facts = folder.lstat()
        if (
            not stat.S_ISDIR(facts.st_mode)
            or facts.st_uid != os.getuid()
            or stat.S_IMODE(facts.st_mode) != _MODE
            or time.time() - facts.st_ctime < _FRESH_SECONDS
            or (folder / ERRORED_STATE).exists()
        ):
            return False
        handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        shutil.rmtree(folder, ignore_errors=True)
        return True
    finally:
        os.close(handle)


def memory_folder() -> str | None:
    """Where files are kept in memory; None where this machine has no such place, or too little room in it."""
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
