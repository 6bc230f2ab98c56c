"""The log of a run: one event per line, kept in the store, followed while it grows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Self

from pydantic import ValidationError

from workers.core.events import Event, EventKind, EventSink
from workers.core.values import JsonValue, now
from workers.runs.store import Ranged, Store

_FLUSH_SECONDS = 0.2


def log_key(run: str) -> str:
    """The store key of a run's log."""
    return f"runs/{run}/log.jsonl"


@dataclass
class RunLog:
    """Takes events at once and writes them a few times a second, so that a chatty tool costs few writes.

    Use as an async context manager: leaving it writes what is left.

    Args:
        store: where the log is kept.
        run: whose log it is.
        also: is told of every event too.
    """

    store: Store
    run: str
    also: EventSink | None = None
    _waiting: list[bytes] = field(default_factory=list)
    _writer: asyncio.Task[None] | None = None

    def __call__(self, event: Event) -> None:
        """Take an event (see `EventSink`)."""
        if self.also is not None:
            self.also(event)
        self._waiting.append(event.model_dump_json(exclude_defaults=True).encode() + b"\n")

    def say(self, text: str, kind: EventKind = EventKind.STATUS, **data: JsonValue) -> None:
        """Take an event about the run itself."""
        self(Event(time=now(), kind=kind, text=text, data=data))

    async def __aenter__(self) -> Self:
        """Start writing."""
        self._writer = asyncio.create_task(self._write_regularly(), name=f"log of run {self.run}")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Write what is left; nothing comes after it."""
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
        await self.flush()
        await self.store.seal(log_key(self.run))

    async def flush(self) -> None:
        """Write what waits."""
        lines, self._waiting = self._waiting, []
        if lines:
            await self.store.append(log_key(self.run), b"".join(lines))

    async def _write_regularly(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            await asyncio.shield(self.flush())


async def read_log(store: Store, run: str) -> tuple[Event, ...]:
    """All events of a run so far; a torn or foreign line becomes an ``output`` event with its text."""
    content = await store.read(log_key(run)) or b""
    return tuple(parse_line(line) for line in content.splitlines() if line)


async def follow_log(store: Store, run: str, ended: asyncio.Event, pause: float = 0.3) -> AsyncIterator[Event]:
    """Events of a run as they come, until ``ended`` is set and everything was given out."""
    seen = 0
    while True:
        last_round = ended.is_set()
        content = await store.read(log_key(run)) or b""
        whole = content[: content.rfind(b"\n") + 1]
        for line in whole[seen:].splitlines():
            yield parse_line(line)
        seen = len(whole)
        if last_round:
            return
        await asyncio.sleep(pause)


async def size_of(store: Store, run: str) -> int:
    """How many bytes a run's log has."""
    if isinstance(store, Ranged):
        return await store.size(log_key(run))
    return len(await store.read(log_key(run)) or b"")


async def read_from(store: Store, run: str, offset: int, most: int | None = None) -> bytes:
    """What a run's log has from a byte on; a store that can read a part of an object is asked for no more."""
    if isinstance(store, Ranged):
        return await store.read_from(log_key(run), offset, most)
    return (await store.read(log_key(run)) or b"")[offset:][:most]


def parse_line(line: bytes) -> Event:
    """One line of a log; one that is torn or foreign becomes an ``output`` event with its text."""
    try:
        return Event.model_validate_json(line)
    except ValidationError:
        return Event(time=now(), kind=EventKind.OUTPUT, text=line.decode(errors="replace"))
