"""A tool's output as lines, whatever bytes it writes."""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import structlog

OnLine = Callable[[str], None]

_log = structlog.get_logger()
_CUT: Final = " … (line cut)"


@dataclass
class Lines:
    """Splits bytes into lines: invalid UTF-8 replaced, long lines cut but read to their end."""

    sink: OnLine
    tail: deque[str]
    max_line: int
    _parts: list[str] = field(default_factory=list)
    _length: int = 0
    _decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace")
    )

    def feed(self, chunk: bytes) -> None:
        """Take some bytes."""
        *complete, rest = self._decoder.decode(chunk).split("\n")
        for part in complete:
            self._add(part)
            self._emit()
        self._add(rest)

    def end(self) -> None:
        """No more bytes will come."""
        self._add(self._decoder.decode(b"", final=True))
        if self._length:
            self._emit()

    def _add(self, part: str) -> None:
        room = self.max_line - self._length
        if part and room > 0:
            self._parts.append(part[:room])
        self._length += len(part)

    def _emit(self) -> None:
        text = "".join(self._parts).rstrip("\r") + (_CUT if self._length > self.max_line else "")
        self._parts, self._length = [], 0
        self.tail.append(text[:2000])
        try:
            self.sink(text)
        except Exception:  # noqa: BLE001 - a log that cannot be written must not leave the tool unheard
            _log.exception("process.line_lost")
