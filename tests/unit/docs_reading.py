"""The documents as the tests of the documentation read them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]

_FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
_INLINE = re.compile(r"`((?:sluis|make|\.venv/bin/sluis) [^`\n]+)`")
_SHELL = ("bash", "sh", "shell", "console")


@dataclass(frozen=True)
class Command:
    """A command that a document names.

    Attributes:
        complete: it is shown in a code block, to be typed as it is; in a sentence, arguments may be left out.
    """

    page: str
    line: str
    complete: bool = True

    def __str__(self) -> str:
        return f"{self.page}: {self.line}"


def pages() -> list[Path]:
    """Every document of the project."""
    found = [*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md"), *(PROJECT / ".github").rglob("*.md")]
    return sorted(found)


def text_of(page: Path) -> str:
    """A document's text."""
    return page.read_text(encoding="utf-8")


def prose(page: Path) -> str:
    """A document's text without its code blocks."""
    return _FENCE.sub("", text_of(page))


def links(page: Path) -> list[str]:
    """The targets of a document's links and pictures."""
    return _LINK.findall(prose(page))


def anchors(page: Path) -> set[str]:
    """What can be linked to in a document, as GitHub names headings."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(prose(page))}


def commands(page: Path) -> list[Command]:
    """Every ``sluis`` and ``make`` command that a document shows, in code blocks or in a sentence."""
    lines = [line for _, kind, body in _FENCE.findall(text_of(page)) if kind in _SHELL for line in _joined(body)]
    name = page.relative_to(PROJECT).as_posix()
    found = [Command(name, own) for line in lines if (own := _own(line))]
    return found + [Command(name, own, complete=False) for line in _INLINE.findall(prose(page)) if (own := _own(line))]


def _joined(body: str) -> list[str]:
    return body.replace("\\\n", " ").splitlines()


def _own(line: str) -> str:
    """The line from ``sluis`` or ``make`` on; empty where it is about something else."""
    match = re.match(r"(?:\$ )?(?:\w+=\S+ )*(?:sudo (?:-E )?)?(?:\S*/bin/)?((?:sluis|make)(?: .*)?)$", line.strip())
    return re.sub(r"\s+#.*$", "", match[1]) if match else ""
