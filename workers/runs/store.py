"""The store: small immutable-or-replaced objects under slash-separated keys.

Two implementations: a directory (here) and S3 (`workers.runs.s3`). The interface is what both can keep: reads see the
last write, ``create`` succeeds for exactly one caller, ``replace`` only if nobody was faster.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

from workers.core.errors import StoreError
from workers.core.values import digest_bytes

AUDIT_PREFIX: Final = "audit/"
"""Where the audit trail is: what a store may keep from being removed."""
_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")


class Store(Protocol):
    """Where plans, approvals, runs, stack records, logs and the audit trail live."""

    @property
    def shared(self) -> bool:
        """Whether workers on several machines may use it, which do not see each other's file locks."""
        ...

    async def read(self, key: str) -> bytes | None:
        """The object under ``key``, or None where there is none."""
        ...

    async def write(self, key: str, content: bytes) -> None:
        """Put ``content`` under ``key``, whole or not at all, durable on return."""
        ...

    async def create(self, key: str, content: bytes) -> bool:
        """Put ``content`` under ``key`` only if nothing is there; whether it was we who did."""
        ...

    async def replace(self, key: str, old: bytes | None, new: bytes) -> bool:
        """Put ``new`` under ``key`` only if ``old`` is still there (None: nothing is); whether that was so."""
        ...

    async def append(self, key: str, content: bytes) -> None:
        """Add ``content`` at the end of a log. Not for records: a torn last line has to be tolerable."""
        ...

    async def seal(self, key: str) -> None:
        """Say that a log is complete, so that it can be kept in the form that is read fastest."""
        ...

    async def keys(self, prefix: str) -> tuple[str, ...]:
        """All keys below ``prefix`` (a whole path part), sorted."""
        ...

    async def delete(self, key: str) -> None:
        """Remove the object under ``key``, if there is one."""
        ...


@runtime_checkable
class Ranged(Protocol):
    """A store that can read a part of an object without the rest of it."""

    async def size(self, key: str) -> int:
        """How many bytes the object has; zero where there is none."""
        ...

    async def read_from(self, key: str, offset: int, most: int | None = None) -> bytes:
        """The object from that byte on, so many bytes at most; nothing where there is no object, or none so long."""
        ...


@runtime_checkable
class Nested(Protocol):
    """A store that can list one level of keys without all that is below."""

    async def children(self, prefix: str) -> tuple[str, ...]:
        """The path parts right below ``prefix`` that have keys below them, sorted."""
        ...


@runtime_checkable
class Versioned(Protocol):
    """A store that keeps what was removed or overwritten in it, and so can tell."""

    async def changed(self, prefix: str) -> Mapping[str, str]:
        """The keys below ``prefix`` that hold no longer what was put there first: ``removed`` or ``overwritten``."""
        ...


@dataclass(frozen=True)
class DirectoryStore:
    """The store as a directory with mode 0700: atomic renames and links, fsync before success is reported.

    Args:
        root: the directory; made at the first write.
    """

    root: Path

    @property
    def shared(self) -> bool:
        """See `Store.shared`: a directory belongs to one machine."""
        return False

    async def read(self, key: str) -> bytes | None:
        """See `Store.read`."""
        return await asyncio.to_thread(self._read, self._path(key))

    async def write(self, key: str, content: bytes) -> None:
        """See `Store.write`."""
        await asyncio.to_thread(self._write, self._path(key), content)

    async def create(self, key: str, content: bytes) -> bool:
        """See `Store.create`."""
        return await asyncio.to_thread(self._create, self._path(key), content)

    async def replace(self, key: str, old: bytes | None, new: bytes) -> bool:
        """See `Store.replace`."""
        return await asyncio.to_thread(self._replace, key, old, new)

    async def append(self, key: str, content: bytes) -> None:
        """See `Store.append`."""
        await asyncio.to_thread(self._append, self._path(key), content)

    async def seal(self, key: str) -> None:
        """See `Store.seal`; a file needs nothing."""

    async def keys(self, prefix: str) -> tuple[str, ...]:
        """See `Store.keys`."""
        return await asyncio.to_thread(self._keys, prefix)

    async def children(self, prefix: str) -> tuple[str, ...]:
        """See `Nested.children`."""
        top = self._path(prefix)
        return await asyncio.to_thread(lambda: tuple(sorted(_folders(top))))

    async def size(self, key: str) -> int:
        """See `Ranged.size`."""
        path = self._path(key)
        return await asyncio.to_thread(lambda: path.stat().st_size if path.is_file() else 0)

    async def read_from(self, key: str, offset: int, most: int | None = None) -> bytes:
        """See `Ranged.read_from`."""
        return await asyncio.to_thread(self._read_from, self._path(key), offset, most)

    async def delete(self, key: str) -> None:
        """See `Store.delete`."""
        await asyncio.to_thread(self._path(key).unlink, missing_ok=True)

    def path(self, key: str) -> Path:
        """Where an object lies, for tools that need a file (a saved plan, a log to follow)."""
        return self._path(key)

    def _path(self, key: str) -> Path:
        return self.root / checked(key)

    def _read(self, path: Path) -> bytes | None:
        try:
            return path.read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise _unusable(path, error) from error

    def _read_from(self, path: Path, offset: int, most: int | None) -> bytes:
        try:
            with path.open("rb") as file:
                file.seek(offset)
                return file.read(most)
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise _unusable(path, error) from error

    def _write(self, path: Path, content: bytes) -> None:
        with self._written(path, content) as temporary:
            temporary.replace(path)
            _sync_folder(path.parent)

    def _create(self, path: Path, content: bytes) -> bool:
        with self._written(path, content) as temporary:
            try:
                os.link(temporary, path)  # fails where the name exists: exactly one caller wins
            except FileExistsError:
                return False
            _sync_folder(path.parent)
            return True

    def _replace(self, key: str, old: bytes | None, new: bytes) -> bool:
        path = self._path(key)
        with self._locked(key):
            if self._read(path) != old:
                return False
            self._write(path, new)
            return True

    def _append(self, path: Path, content: bytes) -> None:
        try:
            _make_folder(path.parent)
            with open(path, "ab", opener=_private) as file:
                file.write(content)
        except OSError as error:
            raise _unusable(path, error) from error

    def _keys(self, prefix: str) -> tuple[str, ...]:
        top = self._path(prefix) if prefix else self.root
        files = (p for p in top.rglob("*") if p.is_file() and not p.name.startswith("."))
        found = (p.relative_to(self.root).as_posix() for p in files)
        return tuple(sorted(k for k in found if not k.startswith(".")))

    @contextlib.contextmanager
    def _written(self, path: Path, content: bytes) -> Iterator[Path]:
        """A durable temporary file beside ``path``, gone afterwards unless it was renamed."""
        temporary: Path | None = None
        try:
            _make_folder(path.parent)
            handle, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
            temporary = Path(name)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            yield temporary
        except OSError as error:
            raise _unusable(path, error) from error
        finally:
            if temporary is not None:
                temporary.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        path = self.root / ".locks" / digest_bytes(key.encode())
        _make_folder(path.parent)
        with open(path, "ab", opener=_private) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _folders(top: Path) -> Iterator[str]:
    try:
        with os.scandir(top) as found:
            yield from (entry.name for entry in found if entry.is_dir() and not entry.name.startswith("."))
    except FileNotFoundError:
        return


def checked(key: str) -> str:
    """The key, if it is one.

    Raises:
        StoreError: it is not.
    """
    if not _KEY.fullmatch(key) or "/." in key:
        raise StoreError(f"'{key}' is not a key of the store.")
    return key


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _make_folder(folder: Path) -> None:
    # mkdir(parents=True) gives its mode to the last folder only
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unusable(path: Path, error: OSError) -> StoreError:
    reason = error.strerror or type(error).__name__
    return StoreError(f"The store cannot use {path}: {reason}.", "Check free space and permissions of the data folder.")
