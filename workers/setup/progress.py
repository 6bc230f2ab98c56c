"""How set-up tells what it is doing."""

from __future__ import annotations

from typing import Protocol

_UNIT = 1000


class Progress(Protocol):
    """Where set-up reports. Called from the event loop's thread and from download threads; must be quick."""

    def started(self, step: str, total: int | None) -> None:
        """A step begins: its name, and the bytes it is going to move where that is known."""
        ...

    def advanced(self, step: str, done: int) -> None:
        """A step has moved this many bytes since its start."""
        ...

    def finished(self, step: str, note: str) -> None:
        """A step has ended well; the note says where the result came from."""
        ...


class Quiet:
    """A progress that tells nobody."""

    def started(self, step: str, total: int | None) -> None:
        """Ignore it."""

    def advanced(self, step: str, done: int) -> None:
        """Ignore it."""

    def finished(self, step: str, note: str) -> None:
        """Ignore it."""


def human_size(size: int) -> str:
    """A number of bytes for people: ``299.2 MB``."""
    value = float(size)
    for unit in ("B", "kB", "MB"):
        if value < _UNIT:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= _UNIT
    return f"{value:.1f} GB"
