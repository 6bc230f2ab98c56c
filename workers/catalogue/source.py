"""Text of a file with positions, and the error that names one."""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from workers.core.errors import ContractError


class SourceError(ContractError):
    """Something in a module or role that cannot be read.

    Args:
        path: the file.
        line: its line, counted from 1; 0 where the whole file or folder is meant.
        reason: what is wrong there.
        hint: what to do about it.
    """

    def __init__(self, path: Path, line: int, reason: str, hint: str = "") -> None:
        place = f"{path}:{line}" if line else str(path)
        super().__init__(f"{place}: {reason}", hint)
        self.path = path
        self.line = line
        self.reason = reason


@dataclass(frozen=True)
class Source:
    """The text of one file."""

    path: Path
    text: str

    @cached_property
    def _line_ends(self) -> list[int]:
        return [m.start() for m in re.finditer("\n", self.text)]

    def line(self, position: int) -> int:
        """The number of the line, from 1, that holds the character at ``position``."""
        return bisect.bisect_left(self._line_ends, position) + 1

    def error(self, position: int, reason: str) -> SourceError:
        """An error at ``position``."""
        return SourceError(self.path, self.line(position), reason)


def decode(path: Path, content: bytes) -> Source:
    """The text in ``content``: UTF-8, with or without a byte order mark, with any newline.

    Raises:
        SourceError: it is not UTF-8.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SourceError(path, line, "not UTF-8 text.", "Save the file as UTF-8.") from error
    return Source(path, text.replace("\r\n", "\n"))
