"""Take secret values out of text and JSON before they leave the process.

Redaction by value is the second net: the first is structure (sensitivity in plan JSON, ``no_log``). It finds a
secret also where a tool has escaped or encoded it.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus

from workers.core.events import Event
from workers.core.values import JsonValue

MASK: Final = "***"
SHORTEST: Final = 4
"""Values shorter than this are left alone: masking every ``1`` or ``on`` hides nothing and ruins the log."""
_SHORTEST_LINE: Final = 12


class Redactor:
    """Replaces secret values, and their escaped and encoded forms, with ``***``.

    Args:
        values: the secret values. Those shorter than ``SHORTEST`` are ignored. Of a value of several lines, each
            long line counts as well, since tools print by line.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._values = frozenset(v for v in values if len(v) >= SHORTEST)
        forms = {form for value in self._values for form in _forms(value)}
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def text(self, text: str) -> str:
        """``text`` without the secrets."""
        return self._pattern.sub(MASK, text) if self._pattern else text

    def json(self, value: JsonValue) -> JsonValue:
        """``value`` without the secrets, in strings, in numbers and in keys."""
        match value:
            case str():
                return self.text(value)
            case dict():
                return {self.text(key): self.json(item) for key, item in value.items()}
            case list():
                return [self.json(item) for item in value]
            case bool() | None:
                return value
            case _:
                return MASK if str(value) in self._values else value

    def event(self, event: Event) -> Event:
        """``event`` without the secrets."""
        if self._pattern is None:
            return event
        data = {self.text(key): self.json(item) for key, item in event.data.items()}
        return event.model_copy(
            update={"text": self.text(event.text), "subject": self.text(event.subject), "data": data}
        )

    def plus(self, values: Iterable[str]) -> Redactor:
        """A redactor that knows these values too."""
        return Redactor(self._values.union(values))


def secret_strings(value: JsonValue) -> tuple[str, ...]:
    """Every string and number inside a sensitive value, for a ``Redactor``."""
    return tuple(dict.fromkeys(_leaves(value)))


def _leaves(value: JsonValue) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for item in value.values():
                yield from _leaves(item)
        case list():
            for item in value:
                yield from _leaves(item)
        case bool() | None:
            return
        case _:
            yield str(value)


def _forms(value: str) -> Iterator[str]:
    for text in {value, value.strip(), *(line for line in value.splitlines() if len(line) >= _SHORTEST_LINE)}:
        if len(text) >= SHORTEST:
            yield text
            yield from _escaped(text)
            yield from _encoded(text)


def _escaped(text: str) -> Iterator[str]:
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield json.dumps(json.dumps(text)[1:-1])[1:-1]
    yield text.replace("\\", "\\\\").replace("'", "\\'")
    # Go's encoder, and with it tofu, writes these three as \u escapes.
    yield (
        json.dumps(text, ensure_ascii=False)[1:-1]
        .replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("&", "\\u0026")
    )


def _encoded(text: str) -> Iterator[str]:
    yield quote(text, safe="", errors="replace")
    yield quote(text, errors="replace")
    yield quote_plus(text, errors="replace")
    content = text.encode(errors="replace")
    yield from _base64_forms(content)


def _base64_forms(content: bytes) -> Iterator[str]:
    # Encoded together with what stands before it, a value begins at one of three offsets; the characters that are
    # not shared with a neighbour are the same each time.
    for offset in range(3):
        padded = base64.b64encode(b"\0" * offset + content)
        inner = padded[(0, 2, 3)[offset] :]
        shared = (0, 3, 2)[(len(content) + offset) % 3]
        text = inner[: len(inner) - shared].decode()
        if len(text) >= SHORTEST * 2:
            yield text
            yield text.replace("+", "-").replace("/", "_")
    whole = base64.b64encode(content).decode()
    yield whole
    yield whole.rstrip("=")
    yield base64.urlsafe_b64encode(content).decode().rstrip("=")
