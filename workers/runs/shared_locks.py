"""Locks between machines, where the store is shared: a record in the store that its holder renews.

File locks tell the workers of one machine whether a holder lives. Other machines see only how long ago the record was
renewed, which proves nothing about a tool that goes on without its worker. So a lock of another machine is never taken,
however old: an old one is told to people, and `sluis stack unlock` is their act.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from workers.core.errors import StoreError
from workers.core.values import Record, now
from workers.runs.records import decode, encode
from workers.runs.store import Store

FREE: Final = b""
"""What a lock's record holds while nobody has it."""
_RENEW_EVERY: Final = timedelta(seconds=20)
_FRESH: Final = timedelta(minutes=3)


class SharedLock(Record):
    """A lock as it stands in the store.

    Attributes:
        subject: what is locked, a stack or a host.
        holder: the job that it is held for.
        worker: who renews it.
        place: id of the folder with the worker's file locks.
    """

    subject: str
    holder: str
    worker: str
    place: str
    since: datetime
    renewed: datetime

    @property
    def fresh(self) -> bool:
        """Renewed so lately that its worker is alive."""
        return now() - self.renewed < _FRESH

    def __str__(self) -> str:
        return (
            f"{self.holder} of worker {self.worker} (since {self.since:%H:%M:%S}, renewed {self.renewed:%H:%M:%S} UTC)"
        )


@dataclass(frozen=True)
class Hold:
    """What `SharedLocks.hold` got.

    Attributes:
        busy: the lock that stood in the way; None where everything is held.
        lost: set when a person has taken a lock away from us.
    """

    busy: SharedLock | None = None
    lost: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class _Kept:
    """A lock that we hold, as it stands in the store by now."""

    key: str
    lock: SharedLock
    content: bytes
    lost: asyncio.Event
    done: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True)
class SharedLocks:
    """Locks in a shared store; a store of one machine needs none, and gets none.

    Args:
        store: where they are kept.
        places: folder of this machine's file locks. The caller holds the file lock of a subject before it asks here.
        worker: our name.
        renew_every: how often a held lock is renewed.
    """

    store: Store
    places: Path
    worker: str
    renew_every: timedelta = _RENEW_EVERY

    @asynccontextmanager
    async def hold(self, subjects: Iterable[str], holder: str) -> AsyncIterator[Hold]:
        """Hold the locks of all subjects, renewed, or say which one is busy.

        Raises:
            StoreError: the store cannot be used.
        """
        lost = asyncio.Event()
        async with AsyncExitStack() as stack:
            for subject in sorted(subjects) if self.store.shared else ():
                found = await self._take(subject, holder)
                if found.holder != holder or found.place != self._place():
                    yield Hold(busy=found)
                    return
                await stack.enter_async_context(self._kept(found, lost))
            yield Hold(lost=lost)

    async def find(self, subject: str) -> SharedLock | None:
        """Who holds the lock of a subject."""
        key = _key(subject)
        content = await self.store.read(key) if self.store.shared else None
        return decode(SharedLock, key, content) if content else None

    async def clear(self, lock: SharedLock) -> bool:
        """A person's act: free a lock, whoever holds it. False where it has been renewed or freed meanwhile."""
        return await self.store.replace(_key(lock.subject), encode(lock), FREE)

    async def _take(self, subject: str, holder: str) -> SharedLock:
        """Our lock, or the one that stands in the way."""
        key, moment = _key(subject), now()
        wanted = SharedLock(
            subject=subject, holder=holder, worker=self.worker, place=self._place(), since=moment, renewed=moment
        )
        while True:
            content = await self.store.read(key)
            before = decode(SharedLock, key, content) if content else None
            # We have the file lock of this place, so whoever held the record here is dead.
            if before is not None and before.place != wanted.place:
                return before
            if await self.store.replace(key, content, encode(wanted)):
                return wanted

    @asynccontextmanager
    async def _kept(self, lock: SharedLock, lost: asyncio.Event) -> AsyncIterator[None]:
        kept = _Kept(_key(lock.subject), lock, encode(lock), lost)
        renewing = asyncio.create_task(self._renew(kept), name=f"shared lock of {lock.subject}")
        try:
            yield
        finally:
            # Not cancelled: a renewal under way would go on in its thread and come after the release.
            kept.done.set()
            await renewing
            with suppress(StoreError):  # it gets old then, and people are told
                await self.store.replace(kept.key, kept.content, FREE)

    async def _renew(self, kept: _Kept) -> None:
        while not kept.lost.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(kept.done.wait(), self.renew_every.total_seconds())
                return
            with suppress(StoreError):  # the next time, perhaps; meanwhile the record gets old
                await self._renew_once(kept)

    async def _renew_once(self, kept: _Kept) -> None:
        renewed = encode(kept.lock.model_copy(update={"renewed": now()}))
        written = await self.store.replace(kept.key, kept.content, renewed)
        if written or await self.store.read(kept.key) == renewed:  # an answer may get lost
            kept.content = renewed
        else:
            kept.lost.set()

    def _place(self) -> str:
        """The id of this folder of file locks, made at the first use."""
        path = self.places / "place"
        with suppress(FileNotFoundError):
            return path.read_text()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = path.with_name(f"place-{uuid.uuid4().hex}")
        made.write_text(made.name)
        with suppress(FileExistsError):
            path.hardlink_to(made)
        made.unlink()
        return path.read_text()


def _key(subject: str) -> str:
    return f"locks/{subject.replace(':', '/')}"
