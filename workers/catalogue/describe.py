"""Types and values in words for people."""

from __future__ import annotations

import json
from typing import Final

from workers.core.contract import Attribute, Type, TypeName
from workers.core.values import JsonValue

_SHOWN: Final = 60
_WORDS: Final = {
    TypeName.ANY: ("any value", "any values"),
    TypeName.STRING: ("text", "texts"),
    TypeName.NUMBER: ("number", "numbers"),
    TypeName.BOOL: ("true or false", "true or false"),
    TypeName.LIST: ("list", "lists"),
    TypeName.SET: ("set", "sets"),
    TypeName.MAP: ("map", "maps"),
    TypeName.TUPLE: ("list", "lists"),
    TypeName.OBJECT: ("object", "objects"),
}


def describe_type(type_: Type) -> str:
    """The type in words, e.g. ``list of objects with name (text), size (number, optional)``."""
    return _describe(type_, plural=False)


def show_value(value: JsonValue, *, sensitive: bool = False) -> str:
    """The value as JSON, shortened; a sensitive one is not shown."""
    if sensitive:
        return "a value that is not shown"
    # Cut before dumping too: a value may be megabytes, and a lone surrogate must not reach a terminal.
    shown = json.dumps(_cut(value)).encode("utf-8", "replace").decode()
    return shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"


def show_choices(choices: tuple[JsonValue, ...]) -> str:
    """Choices as a list in words."""
    return "one of " + ", ".join(show_value(choice) for choice in choices)


def _cut(value: JsonValue, depth: int = 4) -> JsonValue:
    if isinstance(value, str):
        return value[:_SHOWN]
    if isinstance(value, list):
        return [_cut(item, depth - 1) for item in value[:_SHOWN]] if depth else ["…"]
    if isinstance(value, dict):
        return {key[:_SHOWN]: _cut(item, depth - 1) for key, item in list(value.items())[:_SHOWN]} if depth else {}
    if isinstance(value, int) and abs(value) > 10**_SHOWN:
        return "a huge number"
    return value


def _describe(type_: Type, *, plural: bool) -> str:
    if type_.choices:
        return show_choices(type_.choices)
    word = _WORDS[type_.name][plural]
    match type_.name:
        case TypeName.NUMBER if type_.integer:
            return f"whole {word}"
        case TypeName.LIST | TypeName.SET | TypeName.MAP:
            element = type_.element or Type()
            return word if element == Type() else f"{word} of {_describe(element, plural=True)}"
        case TypeName.TUPLE:
            return f"{word} of exactly {', '.join(describe_type(e) for e in type_.elements) or 'nothing'}"
        case TypeName.OBJECT if type_.attributes:
            return f"{word} with {', '.join(_attribute(a) for a in type_.attributes)}"
    return word


def _attribute(attribute: Attribute) -> str:
    optional = "" if attribute.required else ", optional"
    return f"{attribute.name} ({describe_type(attribute.type)}{optional})"
