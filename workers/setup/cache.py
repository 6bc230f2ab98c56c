"""The cache: finished things under their version, made once, whole or not at all."""

# ruff: noqa: ASYNC110, ASYNC240 - another process's lock is polled; a look at the local disk is quicker than a thread

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import shutil
import tempfile
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from workers.core.errors import MissingToolError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

_POLL = 0.2
_CHUNK = 1 << 20


class Cache:
    """A folder of finished things, shared by every process of a user.

    Something is in the cache when its path exists: it is made in a folder beside, and renamed when it is complete.
    Whoever finds somebody else making it waits for them. What a killed maker left behind is removed by the next one.

    Args:
        root: the folder (``Settings.cache``).
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, key: str) -> Path:
        """Where the thing with this key is, or would be."""
        return self.root / key

    async def once(self, key: str, make: Callable[[Path], Awaitable[None]]) -> Path:
        """The thing with this key; made now if it is not there.

        Args:
            key: its path in the cache, with the version in it, e.g. ``camunda/8.6.0``.
            make: makes it at the path that it is given; that path does not exist yet, its folder does.

        Raises:
            Exception: whatever ``make`` raises; nothing is left behind then.
        """
        target = self.path(key)
        if target.exists():
            return target
        async with self._lock(key) as partial:
            if not target.exists():
                await self._make(partial, target, make)
        return target

    async def _make(self, partial: Path, target: Path, make: Callable[[Path], Awaitable[None]]) -> None:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            await make(partial / target.name)
            target.parent.mkdir(parents=True, exist_ok=True)
            (partial / target.name).rename(target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    @asynccontextmanager
    async def _lock(self, key: str) -> AsyncIterator[Path]:
        """Hold the right to make one thing; gives the folder to make it in."""
        name = key.replace("/", "--")
        locks = self.root / ".locks"
        try:
            locks.mkdir(parents=True, exist_ok=True)
            lock = (locks / name).open("a")
        except OSError as error:
            raise MissingToolError(
                f"The cache folder {self.root} cannot be written: {error.strerror}.",
                "Set SLUIS_CACHE to another folder.",
            ) from error
        with lock:
            while not _try_lock(lock.fileno()):
                await asyncio.sleep(_POLL)
            yield self.root / ".partial" / name


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def sha256(path: Path) -> str:
    """The SHA-256 digest of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def check_digest(path: Path, expected: str) -> None:
    """Make sure that a downloaded file is the one that was meant.

    Raises:
        MissingToolError: it is another; the file is removed.
    """
    found = sha256(path)
    if found == expected:
        return
    path.unlink()
    raise MissingToolError(
        f"The download {path.name} has the SHA-256 digest {found}, expected {expected}; it was thrown away.",
        "Try again; if it stays so, the server or something on the way serves another file.",
    )


def temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """A private folder for the time of a build."""
    return tempfile.TemporaryDirectory(prefix="sluis-")
