"""Texts inside inputs, and which of them no tool can be given."""

from __future__ import annotations

from collections.abc import Iterator

from workers.core.values import JsonValue


def texts(value: JsonValue) -> Iterator[str]:
    """Every string in ``value``, keys included."""
    match value:
        case str():
            yield value
        case dict():
            yield from value
            for item in value.values():
                yield from texts(item)
        case list():
            for item in value:
                yield from texts(item)


def text_problems(name: str, value: JsonValue) -> Iterator[str]:
    """One sentence for each reason why the input ``name`` cannot be handed to a tool as it is."""
    found = list(texts(value))
    if any("\0" in text for text in found):
        yield f"{name}: holds a NUL character, which no tool can be given"
    if any("\ud800" <= character <= "\udfff" for text in found for character in text):
        yield f"{name}: holds half of a surrogate pair, which is no Unicode text"
