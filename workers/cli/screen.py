"""What the command line says: data on standard output, progress and messages on standard error.

Without a terminal there are no colours, spinners or boxes, nothing is cut or wrapped, and each step of the progress
has its time in front.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from rich.text import Text

from workers.core.values import JsonValue, now

Cell = str | Text


@dataclass(frozen=True)
class Screen:
    """The two streams of a command.

    Attributes:
        out: for data.
        err: for progress and messages.
        as_json: data is printed as JSON.
    """

    out: Console
    err: Console
    as_json: bool = False

    @property
    def live(self) -> bool:
        """Somebody sits in front of it."""
        return self.err.is_terminal

    def show(self, data: JsonValue, view: Callable[[Screen], None]) -> None:
        """Print ``data`` as JSON where that was asked for, else let ``view`` print it for people."""
        if self.as_json:
            sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
        else:
            view(self)

    def say(self, text: str, style: str = "") -> None:
        """A line of progress."""
        stamp = "" if self.live else f"{now():%H:%M:%S} "
        self.err.print(Text(stamp + text, style), soft_wrap=True)

    def note(self, text: str, style: str = "") -> None:
        """A message without a time."""
        self.err.print(Text(text, style), soft_wrap=True)

    def line(self, text: Cell = "") -> None:
        """A line of data for people."""
        self.out.print(text if isinstance(text, Text) else Text(text), soft_wrap=True)

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[Cell]], empty: str) -> None:
        """A table of data for people; the sentence ``empty`` where there is no row."""
        found = [[str(cell) if not isinstance(cell, Text) else cell for cell in row] for row in rows]
        if not found:
            self.note(empty)
        elif self.out.is_terminal:
            self.out.print(_boxed(heads, found))
        else:
            for line in aligned([list(heads), *found]):
                self.line(line)

    def facts(self, pairs: Iterable[tuple[str, Cell]]) -> None:
        """Names and values, one per line; values that are empty are left out."""
        found = [(name, value) for name, value in pairs if str(value)]
        width = max((len(name) for name, _ in found), default=0)
        for name, value in found:
            first, *others = str(value).splitlines() or [""]
            shown = value if isinstance(value, Text) and not others else first
            self.line(Text.assemble((name.ljust(width + 2), "bold"), shown))
            for other in others:
                self.line(" " * (width + 2) + other)


def screen(*, as_json: bool = False) -> Screen:
    """The screen of this process."""
    return Screen(Console(highlight=False), Console(stderr=True, highlight=False), as_json)


def aligned(rows: Sequence[Sequence[Cell]]) -> list[str]:
    """Rows as lines of columns, two spaces between them."""
    texts = [[str(cell).replace("\n", " ") for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*texts, strict=True)]
    return ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in texts]


def plain(record: BaseModel) -> JsonValue:
    """A record as JSON."""
    return record.model_dump(mode="json")


def moment(time: datetime | None) -> str:
    """A time for people."""
    return f"{time:%Y-%m-%d %H:%M:%S}Z" if time else ""


def duration(seconds: float) -> str:
    """A length of time for people: ``0.4 s``, ``12 s``, ``3 min 05 s``."""
    if seconds < 10:  # noqa: PLR2004 - tenths matter below
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def short(path: Path) -> str:
    """A path relative to the present folder where it lies below it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _boxed(heads: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    return table
