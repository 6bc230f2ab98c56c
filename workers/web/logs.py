"""Logs of runs for pages: the end of a long log at once, the rest on demand, and new lines to many readers.

Offsets are bytes of the log as the store keeps it, always at the beginning of a line. One task per run asks the
store, however many pages watch.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from workers.core.events import Event, EventKind
from workers.runs.log import log_key, parse_line, read_from, size_of
from workers.runs.store import Store

Line = dict[str, Any]
"""One event as pages get it: ``time``, ``kind``, ``text`` and, where there are any, ``subject`` and ``state``."""

FIRST_BYTES: Final = 64_000
TAIL_BYTES: Final = 200_000
_PAUSE: Final = 0.3
_MOST_FOUND: Final = 500
_CHUNK: Final = 2_000_000
_OF_PROGRESS: Final = re.compile(rb'"kind":"(?:resource|task)"')
_SUBJECT: Final = re.compile(rb'"subject":"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Piece:
    """A piece of a log.

    Attributes:
        start: where it begins.
        end: where the next one begins.
    """

    start: int
    end: int
    lines: tuple[Line, ...]

    def as_json(self) -> dict[str, Any]:
        """For the answer."""
        return {"start": self.start, "end": self.end, "lines": list(self.lines)}


def shown(line: bytes) -> Line:
    """One line of the log as pages get it."""
    event = parse_line(line)
    found: Line = {"time": event.time.isoformat(), "kind": event.kind.value, "text": event.text}
    if event.subject:
        found |= {"subject": event.subject, "state": event.state}
    return found


@dataclass(frozen=True)
class Logs:
    """Logs of runs, read in pieces."""

    store: Store

    async def tail(self, run: str, before: int | None = None, size: int = 0) -> Piece:
        """The last lines of a log, or the last ones before an offset.

        Args:
            run: whose log.
            before: an offset.
            size: bytes; by default some screens full for a beginning, and more for who goes back.
        """
        size = size or (FIRST_BYTES if before is None else TAIL_BYTES)
        whole = await size_of(self.store, run) if before is None else max(before, 0)
        first = max(whole - size, 0)
        content = await read_from(self.store, run, first, whole - first)
        # What is cut at the beginning belongs to the piece before, what is torn at the end is still being written.
        cut = content.find(b"\n") + 1 or len(content) if first else 0
        end = max(content.rfind(b"\n") + 1, cut)
        return await asyncio.to_thread(_piece, content[cut:end], first + cut)

    async def since(self, run: str, offset: int) -> Piece:
        """The whole lines from an offset on."""
        content = await read_from(self.store, run, offset)
        return _piece(content[: content.rfind(b"\n") + 1], offset)

    async def find(self, run: str, text: str) -> tuple[Line, ...]:
        """Lines with this text, the first few hundred of them; upper and lower case are the same."""
        content = await self.store.read(log_key(run)) or b""
        return await asyncio.to_thread(_find, content, text)

    async def progress(self, run: str) -> tuple[Line, ...]:
        """The last that was said of each resource and task, in the order in which they were first named."""
        content = await self.store.read(log_key(run)) or b""
        return await asyncio.to_thread(_progress, content)

    async def text(self, run: str) -> AsyncIterator[bytes]:
        """The whole log as plain text, in parts."""
        content = await self.store.read(log_key(run)) or b""
        for chunk in _chunks(content):
            yield await asyncio.to_thread(_plain, chunk)


@dataclass
class _Channel:
    readers: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    pieces: list[Piece] = field(default_factory=list)
    end: int = 0
    over: bool = False
    task: asyncio.Task[None] | None = None


_KEPT: Final = 200


@dataclass
class LiveLogs:
    """New lines of logs for many readers.

    Args:
        logs: reads them.
        ended: whether a run has ended.
    """

    logs: Logs
    ended: Callable[[str], Awaitable[bool]]
    pause: float = _PAUSE
    _channels: dict[str, _Channel] = field(default_factory=dict)

    async def follow(self, run: str, offset: int) -> AsyncIterator[Piece]:
        """Pieces of a log from an offset on, until the run has ended and everything was given out."""
        channel = self._channels.setdefault(run, _Channel(end=offset))
        channel.readers += 1
        if channel.task is None:
            channel.task = asyncio.create_task(self._feed(run, channel), name=f"live log {run}")
        try:
            async for piece in self._pieces(run, channel, offset):
                yield piece
        finally:
            channel.readers -= 1
            if not channel.readers:
                self._channels.pop(run, None)
                channel.task.cancel()

    async def _pieces(self, run: str, channel: _Channel, offset: int) -> AsyncIterator[Piece]:
        while True:
            if offset < channel.end:
                known = next((p for p in channel.pieces if p.start == offset), None)
                piece = known or await self.logs.since(run, offset)
                offset = piece.end
                yield piece
            elif channel.over:
                return
            else:
                async with channel.changed:
                    if offset >= channel.end and not channel.over:
                        await channel.changed.wait()

    async def _feed(self, run: str, channel: _Channel) -> None:
        while not channel.over:
            over = await self.ended(run)
            piece = await self.logs.since(run, channel.end)
            async with channel.changed:
                if piece.end > channel.end:
                    channel.pieces = [*channel.pieces[-_KEPT:], piece]
                    channel.end = piece.end
                channel.over = over
                channel.changed.notify_all()
            await asyncio.sleep(self.pause)


def _piece(content: bytes, start: int) -> Piece:
    return Piece(start, start + len(content), tuple(shown(line) for line in content.splitlines() if line))


def _chunks(content: bytes) -> Iterator[bytes]:
    """The log in parts of whole lines. A search holds all other requests up, in parts none of them for long."""
    start = 0
    while start < len(content):
        end = content.find(b"\n", min(start + _CHUNK, len(content) - 1)) + 1 or len(content)
        yield content[start:end]
        start = end


def _find(content: bytes, text: str) -> tuple[Line, ...]:
    wanted = re.compile(re.escape(text.encode()), re.IGNORECASE)
    lines = (shown(line) for chunk in _chunks(content) for line in _lines_with(wanted, chunk))
    return tuple(islice((line for line in lines if text.lower() in line["text"].lower()), _MOST_FOUND))


def _progress(content: bytes) -> tuple[Line, ...]:
    last: dict[str, bytes] = {}
    for chunk in _chunks(content):
        for line in _lines_with(_OF_PROGRESS, chunk):
            if subject := _SUBJECT.search(line):
                last[subject[1].decode(errors="replace")] = line
    return tuple(shown(line) for line in last.values())


def _lines_with(wanted: re.Pattern[bytes], content: bytes) -> Iterator[bytes]:
    """Each line in which the pattern is found, once."""
    position = 0
    while match := wanted.search(content, position):
        start = content.rfind(b"\n", 0, match.start()) + 1
        position = content.find(b"\n", match.end()) + 1 or len(content)
        yield content[start:position].rstrip(b"\n")


def _plain(content: bytes) -> bytes:
    events: list[Event] = [parse_line(line) for line in content.splitlines() if line]
    lines = (f"{e.time:%H:%M:%S} {_mark(e)}{e.text}\n" for e in events)
    return "".join(lines).encode()


def _mark(event: Event) -> str:
    return f"{event.kind.value.upper()}: " if event.kind in (EventKind.WARNING, EventKind.ERROR) else ""
