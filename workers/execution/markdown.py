"""Untrusted values in Markdown: shown as they are, never as formatting, HTML or a link."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from workers.core.values import JsonValue

_ACTIVE: Final = re.compile(
    r"""
    [\\`*\[\]{}<>&\#|~@]                 # formatting, HTML, links, tables, templates, addresses
    | (?<![A-Za-z0-9])_ | _(?![A-Za-z0-9])  # emphasis; inside a word an underscore is only an underscore
    | ^[-+=]                            # a list or a heading at the beginning
    | (?<=^[0-9])[.)] | (?<=^[0-9]{2})[.)] | (?<=^[0-9]{3})[.)] | (?<=^[0-9]{4})[.)]
    | :(?=//) | (?<=[Ww]{3})\.          # many renderers make links of bare addresses
    """,
    re.VERBOSE,
)
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_ENTITIES: Final = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}


def escape(text: str) -> str:
    """``text`` as Markdown that renders to exactly it, on one line.

    Characters that cannot be seen (control characters, direction overrides, zero width) are written as their code,
    so that nothing on the page looks like something else.
    """
    visible = "".join(_visible(character) for character in text)
    return _ACTIVE.sub(lambda match: _ENTITIES.get(match[0], "\\" + match[0]), visible)


def value(item: JsonValue, limit: int = 160) -> str:
    """A JSON value as escaped Markdown, cut after ``limit`` characters."""
    text = (
        item
        if isinstance(item, str) and item.startswith("(") and item in _WORDS
        else json.dumps(item, ensure_ascii=False)
    )
    cut = text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"
    return escape(cut)


_WORDS: Final = frozenset({"(sensitive)", "(known after apply)"})


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN:
        return character
    return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character) or f"\\u{{{ord(character):x}}}"


@dataclass(frozen=True)
class Block:
    """A line with details below it; the details go first when there is no room."""

    line: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """A heading with blocks."""

    heading: str
    blocks: tuple[Block, ...]


def fit(title: str, sections: Sequence[Section], limit: int) -> str:
    """The sections as Markdown of at most ``limit`` bytes.

    First details are left out, from the end; then blocks, with a line that says how many. So a long list of changed
    attributes never hides that something further down is deleted.
    """
    blocks = [block for section in sections for block in section.blocks]
    bare = _render(title, sections, frozenset(), len(blocks))
    if _size(bare) > limit:
        return _shortest(title, sections, limit)
    detailed: set[int] = set()
    room = limit - _size(bare)
    for index, block in enumerate(blocks):
        cost = sum(_size(detail) + 1 for detail in block.details)
        if cost <= room:
            detailed.add(index)
            room -= cost
    return _render(title, sections, frozenset(detailed), len(blocks))


def _shortest(title: str, sections: Sequence[Section], limit: int) -> str:
    total = sum(len(section.blocks) for section in sections)
    low, high = 0, total
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (
            (middle, high) if _size(_render(title, sections, frozenset(), middle)) <= limit else (low, middle - 1)
        )
    return _render(title, sections, frozenset(), low)


def _render(title: str, sections: Sequence[Section], detailed: frozenset[int], shown: int) -> str:
    return "\n".join(_lines(title, sections, detailed, shown)) + "\n"


def _lines(title: str, sections: Sequence[Section], detailed: frozenset[int], shown: int) -> Iterator[str]:
    yield title
    index = 0
    for section in sections:
        if index < shown:
            yield from ("", section.heading, "")
        for block in section.blocks:
            if index < shown:
                yield block.line
                yield from block.details if index in detailed else ()
            index += 1
    if index > shown:
        yield from ("", f"… and {index - shown} more")


def _size(text: str) -> int:
    return len(text.encode())
