"""Locks that live as long as the process that holds them, children included.

A lock is an open file with an exclusive ``flock``. The descriptor is handed to the tool that we start, so that the
lock outlives a worker that is killed while its tofu or ansible still runs. The kernel frees it with the last holder.
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workers.core.values import JsonValue, now
from workers.runs.plugins import end_plugins_that_hold

_MODE: Final = 0o600


@dataclass(frozen=True)
class Holder:
    """Who holds a lock, as they wrote it down when they took it."""

    run: str
    worker: str
    pid: int
    since: str

    def __str__(self) -> str:
        return f"run {self.run} of worker {self.worker} (process {self.pid}, since {self.since})"


class FileLock:
    """An exclusive lock on a file.

    Args:
        path: the lock file; it stays when the lock is free.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None

    @property
    def descriptor(self) -> int:
        """The descriptor to hand to a child process; valid while the lock is held."""
        if self._handle is None:
            raise RuntimeError(f"{self.path} is not locked")
        return self._handle

    def take(self, run: str, worker: str) -> bool:
        """Take the lock if it is free, and write down who we are. False where somebody holds it."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
        if not (_lock(handle) or (end_plugins_that_hold(self.path.resolve()) and _lock(handle))):
            os.close(handle)
            return False
        holder: dict[str, JsonValue] = {"run": run, "worker": worker, "pid": os.getpid(), "since": now().isoformat()}
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(holder).encode(), 0)
        self._handle = handle
        return True

    def free(self) -> None:
        """Let go. Where a child still has the descriptor, the lock stays until it ends."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(path: Path) -> bool:
    """Whether some living process holds the lock."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _lock(handle)
    finally:
        os.close(handle)


def holder_of(path: Path) -> Holder | None:
    """Who took the lock last; meaningful while `is_held`."""
    try:
        return Holder(**json.loads(path.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
